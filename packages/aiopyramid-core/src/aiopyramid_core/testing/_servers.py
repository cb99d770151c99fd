"""The servers that tests can use: their requirements, commands, output and signals.

Each of them reads one ini file, with the application in the section ``app:main``.
"""

import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ("GUNICORN_SETTINGS", "KINDS", "Kind", "what_is_missing")

_UWSGI_BINARY: Final = "AIOPYRAMID_UWSGI"
"""The environment variable that names a uWSGI with its asyncio engine: a path or a name on PATH.

Without it, uWSGI is not searched for. An installed uWSGI may lack that engine, and the application
may not be meant for it.
"""

_PSERVE: Final = """\
import signal
from pyramid.scripts.pserve import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
"""The script that starts the other servers. If the tests run in the background, the process has
inherited that Ctrl-C is ignored, and would not exit without the handler."""


def _pserve(ini: Path) -> list[str]:
    return [sys.executable, "-c", _PSERVE, str(ini)]


def _uwsgi(ini: Path) -> list[str]:
    fixed = ["--http-socket", "127.0.0.1:0", "--asyncio", "100", "--greenlet", "--master"]
    fixed += ["--lazy-apps", "--need-app", "--die-on-term", "--disable-logging"]
    binary = _uwsgi_binary()
    assert binary is not None  # otherwise what_is_missing has reported it
    return [binary, *fixed, "--home", sys.prefix, "--ini-paste-logged", str(ini)]


def _uwsgi_binary() -> str | None:
    named = os.environ.get(_UWSGI_BINARY)
    return shutil.which(named) if named else None


@dataclass(frozen=True)
class Kind:
    """A kind of server.

    Attributes:
        needs: The module that must be installed.
        configuration: The server's part of the ini file.
        end: The signal that stops the server, and the application with it.
        command: Returns the command that starts the server with an ini file.
        serves: The server's output when it is ready, as regular expressions; the group of the first
            is the address.
        also_needs: Another module that must be installed, or None.
    """

    needs: str
    configuration: str
    end: signal.Signals
    command: Callable[[Path], list[str]] = _pserve
    serves: tuple[str, ...] = (r"(?:Listening at:|Serving on) http://(127\.0\.0\.1:\d+)",)
    also_needs: str | None = None


GUNICORN_SETTINGS: Final = "gunicorn.conf.py"
"""An empty file next to the ini file. Without it, gunicorn would read the one in the current
directory: the project's, which may name the pidfile of a running site, for example."""

_GUNICORN: Final = f"""\
use = egg:gunicorn#main
config = %(here)s/{GUNICORN_SETTINGS}
bind = 127.0.0.1:0
worker_class = aiopyramid_gunicorn.worker.AsyncGunicornWorker
graceful_timeout = 5
control_socket_disable = true
"""


def _asgi_server(name: str, settings: str, listens: str) -> Kind:
    """Return a kind of ASGI server, with the application of ``aiopyramid-asgi``."""
    configuration = f"use = egg:aiopyramid-asgi#{name}\n{settings}\n"
    return Kind(
        name, configuration, signal.SIGTERM, serves=(listens,), also_needs="aiopyramid_asgi"
    )


KINDS: Final = {
    "gunicorn": Kind("aiopyramid_gunicorn", _GUNICORN, signal.SIGTERM),
    "uwsgi": Kind(
        "aiopyramid_uwsgi",
        "",
        signal.SIGTERM,
        _uwsgi,
        # It listens before it has created the application.
        (r"bound to TCP address (127\.0\.0\.1:\d+)", "running asyncio loop engine"),
    ),
    "uvicorn": _asgi_server("uvicorn", "port = 0", r"unning on http://(127\.0\.0\.1:\d+)"),
    "hypercorn": _asgi_server(
        "hypercorn", "bind = 127.0.0.1:0", r"unning on http://(127\.0\.0\.1:\d+)"
    ),
    "granian": _asgi_server("granian", "port = 0", r"Listening at: http://(127\.0\.0\.1:\d+)"),
    "daphne": _asgi_server("daphne", "port = 0", r"Listening on TCP address (127\.0\.0\.1:\d+)"),
    "waitress": Kind("waitress", "use = egg:waitress#main\nlisten = 127.0.0.1:0\n", signal.SIGINT),
    "threads": Kind(
        __package__,
        "paste.server_runner = aiopyramid_core.testing._threaded_server:serve\n",
        signal.SIGINT,
    ),
}


def what_is_missing(server: str) -> str | None:
    """Return why a server cannot be used here, a clause; None if it can.

    Args:
        server: One of :data:`KINDS`.
    """
    kind = KINDS[server]
    for needs in filter(None, (kind.needs, kind.also_needs)):
        if importlib.util.find_spec(needs) is None:
            return f"{needs} is not installed"
    if server == "uwsgi" and _uwsgi_binary() is None:
        named = os.environ.get(_UWSGI_BINARY)
        if named:
            return f"the environment variable {_UWSGI_BINARY} names {named}, which is not a program"
        return f"the environment variable {_UWSGI_BINARY} does not name a uWSGI with asyncio"
    return None
