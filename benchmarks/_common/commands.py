"""The commands that start the servers: one worker each, on a free port of 127.0.0.1."""

import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from build_uwsgi import CannotBuild, uwsgi_binary

__all__ = (
    "CannotBuild",
    "ServerCommand",
    "find_uwsgi",
    "granian",
    "granian_asgi",
    "gunicorn",
    "uvicorn",
    "uwsgi",
    "uwsgi_binary",
    "waitress",
)

# Both run the server's own command in this interpreter. A module that is None in sys.modules
# cannot be imported: that is how a worker comes to do without an installed uvloop.
_GUNICORN: Final = "from gunicorn.app.wsgiapp import run; run()"
_WITHOUT_UVLOOP: Final = "import sys; sys.modules['uvloop'] = None; "


@dataclass(frozen=True)
class ServerCommand:
    """How to start a server, with one worker, on a free port of 127.0.0.1.

    Attributes:
        arguments: The command.
        forks: Whether requests are served by a child process, which the log then names.
    """

    arguments: Sequence[str]
    forks: bool = False


def gunicorn(
    factory: str, worker: str, options: Mapping[str, object] | None = None, *, uvloop: bool = True
) -> ServerCommand:
    """Return a command for gunicorn.

    Args:
        factory: A function of ``application.py`` that makes the application, or ``MODULE:NAME``
            of another one.
        worker: gunicorn's name of the worker class.
        options: More of gunicorn's options, without their dashes.
        uvloop: Whether the worker can import uvloop.
    """
    # Clients are idle while others are measured; gunicorn's two seconds would disconnect them.
    settings = {"workers": 1, "bind": "127.0.0.1:0", "keep-alive": 75, **(options or {})}
    code = _GUNICORN if uvloop else _WITHOUT_UVLOOP + _GUNICORN
    return ServerCommand(
        [
            *(sys.executable, "-c", code, f"{_place(factory)}()", "--worker-class", worker),
            *(f"--{name}={value}" for name, value in settings.items()),
            "--no-control-socket",
        ],
        forks=True,
    )


def waitress(factory: str, *, threads: int) -> ServerCommand:
    """Return a command for waitress."""
    options = ("--listen=127.0.0.1:0", f"--threads={threads}")
    return _module("waitress", *options, "--call", _place(factory))


def uvicorn(factory: str, options: Mapping[str, object] | None = None) -> ServerCommand:
    """Return a command for uvicorn, with its fastest loop and parser and no access log.

    Args:
        factory: As in :func:`gunicorn`.
        options: More of its options, without their dashes.
    """
    settings = {"port": 0, "loop": "uvloop", "http": "httptools", **(options or {})}
    words = (f"--{name}={value}" for name, value in settings.items())
    return _module("uvicorn", "--factory", _place(factory), *words, "--no-access-log")


def granian(factory: str, *, threads: int) -> ServerCommand:
    """Return a command for granian's WSGI server, with one worker and so many Python threads."""
    options = ("--interface=wsgi", "--workers=1", f"--blocking-threads={threads}", "--no-ws")
    # It takes port 0, but never says which one it got.
    address = ("--host=127.0.0.1", f"--port={_free_port()}")
    return _module("granian", *options, *address, "--factory", _place(factory))


def granian_asgi(factory: str) -> ServerCommand:
    """Return a command for granian's ASGI server, with one worker on uvloop.

    Args:
        factory: As in :func:`gunicorn`.
    """
    options = ("--interface=asgi", "--workers=1", "--loop=uvloop", "--runtime-threads=1")
    address = ("--host=127.0.0.1", f"--port={_free_port()}")
    return _module("granian", *options, *address, "--factory", _place(factory))


def uwsgi(program: str, factory: str, *, threads: int) -> ServerCommand:
    """Return a command for uWSGI with threads; its own HTTP/1.1, with connections kept alive."""
    options = ("--http11-socket=127.0.0.1:0", f"--threads={threads}", "--disable-logging")
    # Not its default, which is not to end on SIGTERM but to start anew.
    stop = ("--die-on-term", "--need-app")
    # It is linked with its Python, but does not look for the packages of an environment itself.
    packages = (f"--virtualenv={sys.prefix}", f"--module={_place(factory)}()")
    return ServerCommand([program, *options, *stop, *packages])


def find_uwsgi() -> str:
    """Return the path of uWSGI: next to this Python, on PATH, or built by ``tools``.

    It comes as source only, and is linked with the Python that builds it.

    Raises:
        CannotBuild: There is none, and it cannot be built.
    """
    beside = Path(sys.executable).with_name("uwsgi")
    found = str(beside) if beside.exists() else shutil.which("uwsgi")
    return found or str(uwsgi_binary())


def _place(factory: str) -> str:
    return factory if ":" in factory else f"application:{factory}"


def _module(*arguments: str) -> ServerCommand:
    return ServerCommand([sys.executable, "-m", *arguments])


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
