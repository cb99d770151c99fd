"""Tools for the tests of an application: the bridge around a call, and real servers.

``pytest_plugin`` turns them into fixtures. This module does not depend on pytest. pytest loads the
plugin by ``_entry_point``, which gives an old pytest ``_old_pytest`` instead.
"""

import asyncio
import contextlib
import functools
import inspect
import os
import re
import signal
import socket
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

    A context manager. On exit it cancels the tasks that still run and closes the loop. ::

        with Bridge() as bridge:
            assert bridge.run(load_user, request) == "ada"

    Args:
        loop_factory: Creates the loop, such as ``uvloop.new_event_loop``; None for asyncio's.
    """

    def __init__(self, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        waiting = None if loop_factory is None else functools.partial(_waiting_loop, loop_factory)
        self._runner = asyncio.Runner(loop_factory=waiting)

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

        The function sees the context variables and Pyramid's thread-locals of the caller, and the
        caller sees its changes to them.

        Args:
            function: A synchronous function or a coroutine function.
            *args: Passed on to ``function``.
            **kwargs: Passed on to ``function``.

        Returns:
            The return value of ``function`` or, for a coroutine function, of its coroutine.

        Raises:
            BaseException: Any exception raised by ``function``.
        """

        def call() -> Any:
            result = function(*args, **kwargs)
            return await_in_bridge(result) if inspect.isawaitable(result) else result

        context = copy_context()
        try:
            return self._runner.run(spawn_greenlet(call), context=context)
        finally:
            bring_back(context)


def _waiting_loop(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> asyncio.AbstractEventLoop:
    """Return a new loop that waits for its threads without a limit when it is closed.

    From Python 3.12 on, ``asyncio.Runner`` gives threads 300 seconds to finish. On a loop with fake
    time, these pass at once.
    """
    loop = loop_factory()
    shut_down = loop.shutdown_default_executor

    async def shutdown_default_executor(timeout: float | None = None) -> None:
        await shut_down()

    loop.shutdown_default_executor = shutdown_default_executor  # type: ignore[method-assign]
    return loop


# --- Servers --------------------------------------------------------------------------------------


SERVERS: Final = tuple(KINDS)
"""The servers that :func:`serving` supports.

They are gunicorn with the worker of ``aiopyramid-gunicorn``, uWSGI with its asyncio engine,
waitress, the ASGI servers uvicorn, hypercorn, granian and daphne with ``aiopyramid-asgi``, and
``threads``, the standard library's server with a thread for each request. The
environment variable ``AIOPYRAMID_UWSGI`` must name uWSGI, as a path or as a program on PATH. For
uWSGI, the application includes ``aiopyramid_uwsgi``.
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
"""How long a server may take to start, since an application may import many modules."""

_LAST_WORDS_SECONDS: Final = 10.0
"""How long a server may take to exit before it is killed."""


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
        url: Its address, without a trailing slash.
        log_file: Where the server and the application write their output.
    """

    server: str
    url: str
    log_file: Path

    @property
    def log(self) -> str:
        """The output of the server and the application so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def serving(
    application: str | Callable[..., Any],
    server: str = "threads",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Serve an application in a process of its own, on a free port of 127.0.0.1.

    The process can import the same modules as this one.

    Args:
        application: The function that creates it, ``main(global_config, **settings)``, itself or as
            ``"package.module:main"``; or a PasteDeploy address, such as
            ``"config:/path/to/development.ini"``.
        server: One of :data:`SERVERS`.
        settings: The application's settings, in addition to those of the ini file, if any.

    Returns:
        The running server, for a ``with`` statement.

    Raises:
        NotServed: The server cannot be started, or the application cannot be created.
    """
    if server not in KINDS:
        raise NotServed(server, f"the servers known here are {', '.join(SERVERS)}")
    if missing := what_is_missing(server):
        raise NotServed(server, missing)
    kind, address = KINDS[server], _address(server, application)
    with TemporaryDirectory() as folder:
        ini, log = Path(folder, "application.ini"), Path(folder, "log")
        # ConfigParser reads % as the start of a reference and an indented line as a continuation.
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
                # A session of its own, so that its child processes can be ended with it.
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        try:
            yield Served(server, _wait_until_it_serves(process, server, log), log)
        finally:
            _end(process, kind.end)


def _address(server: str, application: str | Callable[..., Any]) -> str:
    """Return the PasteDeploy address of an application."""
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
        ended = process.poll() is not None  # before the log is read, so that the log is complete
        said = log.read_text(encoding="utf-8", errors="replace")
        found = [match for words in KINDS[server].serves if (match := re.search(words, said))]
        if len(found) == len(KINDS[server].serves) and _accepts(found[0][1]):
            return f"http://{found[0][1]}"
        if ended:
            raise NotServed(server, f"it has exited with this output:\n{said}")
        if time.monotonic() > deadline:
            raise NotServed(
                server, f"it is not ready after {_PATIENCE_SECONDS:g} seconds. Its output:\n{said}"
            )
        time.sleep(0.01)


def _accepts(address: str) -> bool:
    """Return whether a server accepts clients; some announce it a little earlier."""
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), _PATIENCE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


def _end(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    """Stop a server as its operator would, and kill it if it does not exit."""
    process.send_signal(number)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LAST_WORDS_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
