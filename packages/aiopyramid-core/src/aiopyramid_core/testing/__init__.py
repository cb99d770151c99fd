"""What tests of an application need: the bridge around a call, and real servers.

``pytest_plugin`` makes fixtures of it; nothing here knows pytest.
"""

import asyncio
import contextlib
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final

from .._bridge.carrying import bring_back
from .._bridge.driver import await_in_bridge, spawn_greenlet
from ..exceptions import NotServed
from ._servers import GUNICORN_SETTINGS, KINDS, what_is_missing

__all__ = ("SERVERS", "Bridge", "Served", "is_installed", "serving")


class Bridge:
    """An event loop on which synchronous code may call synchronized coroutines.

    A context manager: at the end what still runs on the loop is cancelled and the loop closed. ::

        with Bridge() as bridge:
            assert bridge.run(load_user, request) == "ada"

    Args:
        loop_factory: Makes the loop, such as ``uvloop.new_event_loop``; None for asyncio's.
    """

    def __init__(self, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=loop_factory)

    def __enter__(self) -> "Bridge":
        self._runner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self._runner.__exit__(kind, error, frames)

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a function as the bridge calls a view, in a greenlet on the loop.

        It sees the context variables and Pyramid's thread-locals of the caller, and what it
        changes in them the caller sees.

        Args:
            function: A synchronous function or a coroutine function.
            *args: Passed on to ``function``.
            **kwargs: Passed on to ``function``.

        Returns:
            What ``function`` returned; what a coroutine returned.

        Raises:
            BaseException: Whatever ``function`` raised.
        """

        def call() -> Any:
            result = function(*args, **kwargs)
            return await_in_bridge(result) if inspect.isawaitable(result) else result

        context = copy_context()
        try:
            return self._runner.run(spawn_greenlet(call), context=context)
        finally:
            bring_back(context)


# --- Servers --------------------------------------------------------------------------------------


SERVERS: Final = tuple(KINDS)
"""The servers that :func:`serving` knows.

They are gunicorn with the worker of ``aiopyramid-gunicorn``, uWSGI with its asyncio engine,
waitress, and ``threads``, the standard library's with a thread for each request. uWSGI has to be
named by the environment variable ``AIOPYRAMID_UWSGI``, as a path or a program on PATH; the
application includes ``aiopyramid_uwsgi`` then.
"""

_INI = """\
[app:main]
use = {application}
{settings}

[server:main]
{server}

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(asctime)s %(levelname)s %(name)s %(message)s
"""

_PATIENCE_SECONDS: Final = 30.0
"""How long a server may take to start: an application may have much to import."""

_LAST_WORDS_SECONDS: Final = 10.0
"""How long it may take to end before it is killed."""


def is_installed(server: str) -> bool:
    """Return whether a server can be used here.

    Args:
        server: One of :data:`SERVERS`.
    """
    return what_is_missing(server) is None


@dataclass(frozen=True)
class Served:
    """An application on a server.

    Attributes:
        server: The kind of server.
        url: Its address, without a slash at the end.
        log_file: Where the server and the application write their output.
    """

    server: str
    url: str
    log_file: Path

    @property
    def log(self) -> str:
        """What the server and the application have written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def serving(
    application: str | Callable[..., Any],
    server: str = "threads",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Serve an application in a process of its own, on a free port of 127.0.0.1.

    The process can import whatever this one can.

    Args:
        application: The function that makes it, ``main(global_config, **settings)``, itself or as
            ``"package.module:main"``; or an address of PasteDeploy's, such as
            ``"config:/path/to/development.ini"``.
        server: One of :data:`SERVERS`.
        settings: The application's settings, in addition to those of the ini file if there is one.

    Returns:
        The running server, for a ``with`` statement.

    Raises:
        NotServed: It cannot be started, or the application cannot be made.
    """
    if server not in KINDS:
        raise NotServed(server, f"the servers known here are {', '.join(SERVERS)}")
    if missing := what_is_missing(server):
        raise NotServed(server, missing)
    kind, address = KINDS[server], _address(server, application)
    with TemporaryDirectory() as folder:
        ini, log = Path(folder, "application.ini"), Path(folder, "log")
        # ConfigParser reads % as the start of a reference and an indented line as one that goes on.
        lines = [
            f"{name} = {value}".replace("%", "%%").replace("\n", "\n    ")
            for name, value in (settings or {}).items()
        ]
        configuration = _INI.format(
            application=address, settings="\n".join(lines), server=kind.configuration
        )
        ini.write_text(configuration, encoding="utf-8")
        Path(folder, GUNICORN_SETTINGS).touch()
        with log.open("wb") as output:
            process = subprocess.Popen(
                kind.command(ini),
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own, so that what it forks can be ended with it.
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        try:
            yield Served(server, _wait_until_it_serves(process, server, log), log)
        finally:
            _end(process, kind.end)


def _address(server: str, application: str | Callable[..., Any]) -> str:
    """Return how PasteDeploy calls an application."""
    if isinstance(application, str):
        is_address = re.match(r"(call|config|egg):", application)
        return application if is_address else f"call:{application}"
    if "<locals>" in application.__qualname__:
        raise NotServed(
            server, f"{application.__qualname__} cannot be imported: define it in a module"
        )
    return f"call:{application.__module__}:{application.__qualname__}"


def _wait_until_it_serves(process: "subprocess.Popen[bytes]", server: str, log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        ended = process.poll() is not None  # asked first: its last words are in the log by then
        said = log.read_text(encoding="utf-8", errors="replace")
        found = [match for words in KINDS[server].serves if (match := re.search(words, said))]
        if len(found) == len(KINDS[server].serves):
            return f"http://{found[0][1]}"
        if ended:
            raise NotServed(server, f"it has ended and said:\n{said}")
        if time.monotonic() > deadline:
            raise NotServed(
                server, f"after {_PATIENCE_SECONDS:g} seconds it has only said:\n{said}"
            )
        time.sleep(0.01)


def _end(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """End a server as its operator would, and by force if that does not help."""
    process.send_signal(number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LAST_WORDS_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
