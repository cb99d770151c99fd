"""The servers of this suite, and one way to talk to each of them.

To add a server, write a function that returns its command line and decorate it with ``@kind``.
Its process announces its port in its output.
"""

import contextlib
import functools
import http.client
import itertools
import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from processes import PATIENCE_SECONDS, Program
from pyramid.request import Request
from uwsgi_command import ANNOUNCES, uwsgi_command
from webtest import TestApp


@dataclass(frozen=True)
class Kind:
    """A kind of server.

    Attributes:
        name: How the tests' ids call it.
        command: Takes the application's module and a folder for files, returns a command line.
        at_once: Requests that it serves at the same time.
        owns_loop: Whether requests run on an event loop of the server's.
        keeps_alive: Whether a connection serves more than one request.
        end: The signal with which its operator ends it.
        announces: The line that it prints when it listens, with the port as the group.
        announces_early: Whether it prints that line before it listens.
        awaits_early: Whether coroutines at configuration time run on the loop that serves.
    """

    name: str
    command: Callable[[str, Path], list[str]] | None
    at_once: int
    owns_loop: bool = False
    keeps_alive: bool = True
    end: int = signal.SIGTERM
    announces: str = r"(?:Listening at:|Serving on) http://127\.0\.0\.1:(\d+)"
    announces_early: bool = False
    awaits_early: bool = True


KINDS: dict[str, Kind] = {}


def kind(name: str, **facts: Any) -> Callable[..., Any]:
    def register(command: Callable[[str, Path], list[str]]) -> Any:
        KINDS[name] = Kind(name, command, **facts)
        return command

    return register


# --- The servers ----------------------------------------------------------------------------------


def gunicorn(worker: str, *options: str) -> list[str]:
    fixed = ["--no-control-socket", "-b", "127.0.0.1:0", "--graceful-timeout", "8"]
    return [sys.executable, "-m", "gunicorn", *fixed, "-k", worker, *options]


OURS = "aiopyramid_gunicorn.worker.AsyncGunicornWorker"


@kind("worker-uvloop", at_once=50, owns_loop=True)
def worker_uvloop(module: str, folder: Path) -> list[str]:
    return gunicorn(OURS, f"{module}:main()")


@kind("worker-asyncio", at_once=50, owns_loop=True)
def worker_asyncio(module: str, folder: Path) -> list[str]:
    (folder / "uvloop.py").write_text("raise ImportError('hidden by the tests')\n")
    return gunicorn(OURS, "--pythonpath", str(folder), f"{module}:main()")


UWSGI: dict[str, Any] = {
    "at_once": 50,
    "owns_loop": True,
    "keeps_alive": False,
    "announces": ANNOUNCES,
}


@kind("uwsgi", **UWSGI)
def uwsgi(module: str, folder: Path) -> list[str]:
    return [*uwsgi_preloaded(module), "--lazy-apps"]


def uwsgi_preloaded(module: str) -> list[str]:
    """Return a command with which the master loads the application, before it forks."""
    settings = {"pyramid.includes": "aiopyramid_uwsgi"}
    return uwsgi_command("--eval", f"from {module} import main; application = main(**{settings})")


def asgi(name: str, *settings: str) -> Callable[[str, Path], list[str]]:
    """Return a function that returns the command line of an ASGI server."""

    def command(module: str, folder: Path) -> list[str]:
        server = "\n".join([f"use = egg:aiopyramid-asgi#{name}", *settings, ""])
        ini = write_ini(folder, f"{module}:main", server)
        return [sys.executable, "-m", "pyramid.scripts.pserve", str(ini)]

    return command


# They load the application before there is a loop.
ASGI: dict[str, Any] = {"at_once": 50, "owns_loop": True, "awaits_early": False}
RUNS_ON = r"unning on http://127\.0\.0\.1:(\d+)"
kind("uvicorn", **ASGI, announces=RUNS_ON)(asgi("uvicorn", "port = 0"))
kind("hypercorn", **ASGI, announces=RUNS_ON)(asgi("hypercorn", "bind = 127.0.0.1:0"))
kind("granian", **ASGI, announces_early=True)(asgi("granian", "port = 0"))
DAPHNE_RUNS_ON = r"TCP address 127\.0\.0\.1:(\d+)"
kind("daphne", **ASGI, announces=DAPHNE_RUNS_ON)(asgi("daphne", "port = 0"))


@kind("gthread", at_once=8)
def gthread(module: str, folder: Path) -> list[str]:
    return gunicorn("gthread", "--threads", "8", f"{module}:main()")


@kind("sync", at_once=1)
def sync(module: str, folder: Path) -> list[str]:
    return gunicorn("sync", f"{module}:main()")


@kind("waitress", at_once=8, end=signal.SIGINT)
def waitress(module: str, folder: Path) -> list[str]:
    server = "use = egg:waitress#main\nlisten = 127.0.0.1:0\nthreads = 8\n"
    ini = write_ini(folder, f"{module}:main", server)
    return [sys.executable, "-m", "pyramid.scripts.pserve", str(ini)]


@kind("threads", at_once=50, end=signal.SIGINT)
def threads(module: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "threaded", module]


# In this very process, as the functional tests of an application have it.
KINDS["webtest"] = Kind("webtest", None, at_once=8)


def write_ini(folder: Path, application: str, server: str = "use = egg:waitress#main\n") -> Path:
    """Write a configuration file for pserve, pshell and bootstrap."""
    path = folder / "application.ini"
    path.write_text(
        f"[app:main]\nuse = call:{application}\n\n[server:main]\n{server}\n"
        "[loggers]\nkeys = root\n[handlers]\nkeys = console\n[formatters]\nkeys = generic\n"
        "[logger_root]\nlevel = INFO\nhandlers = console\n"
        "[handler_console]\nclass = StreamHandler\nargs = (sys.stderr,)\nformatter = generic\n"
        "[formatter_generic]\nformat = %(name)s %(levelname)s %(message)s\n"
    )
    return path


# --- Talking to them ------------------------------------------------------------------------------


@dataclass
class Answer:
    """A response."""

    status: int
    headers: Any
    text: str

    @functools.cached_property
    def json(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.text)


@dataclass
class Server:
    """A running server of some kind; the same interface for all of them."""

    kind: Kind
    prefix: str = ""
    process: Any = field(default=None, repr=False)
    _app: Any = field(default=None, repr=False)
    patience_seconds: float = PATIENCE_SECONDS

    def mounted(self, name: str) -> "Server":
        """Return the same server for one of its applications."""
        return replace(self, prefix=f"/{name}")

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Make calls at the same time, each from a thread, and return what they return."""
        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def eventually(self, path: str, wanted: Any) -> Any:
        """Ask again until the answer, as JSON, is the expected one, or the time is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (got := self.get(path).json) != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return got


class HttpServer(Server):
    """A server in a process of its own."""

    def connect(self) -> http.client.HTTPConnection:
        port = int(self.process.said(self.kind.announces)[1])
        if self.kind.announces_early:
            self.process.until(lambda: _accepts(port))
        return http.client.HTTPConnection("127.0.0.1", port, timeout=self.patience_seconds)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Callable[..., Answer]]:
        """Open a connection for any number of requests."""
        with contextlib.closing(self.connect()) as connection:

            def get(path: str, method: str = "GET", **headers: str) -> Answer:
                fields = {name.replace("_", "-"): value for name, value in headers.items()}
                connection.request(method, self.prefix + path, headers=fields)
                response = connection.getresponse()
                answer = Answer(response.status, response.headers, response.read().decode())
                if not self.kind.keeps_alive:
                    connection.close()  # opened again by the next request
                return answer

            yield get

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        with self.connection() as get:
            return get(path, method, **headers)

    def post(self, path: str, body: bytes) -> Answer:
        with contextlib.closing(self.connect()) as connection:
            connection.request("POST", self.prefix + path, body=body)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())

    @contextlib.contextmanager
    def parts(self, path: str) -> Iterator[Iterator[bytes]]:
        """Give the parts of a response's body as they arrive."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", self.prefix + path)
            with contextlib.closing(connection.getresponse()) as response:
                yield iter(lambda: response.read1(1 << 16), b"")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    return True


class InProcessServer(Server):
    """WebTest's server, which is a function call."""

    @contextlib.contextmanager
    def connection(self) -> Iterator[Callable[..., Answer]]:
        yield self.get

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        client = TestApp(self._app)  # one for each request, as it would keep cookies
        got = client.request(self.prefix + path, method=method, headers=fields, status="*")
        return Answer(got.status_int, got.headers, got.text)

    def post(self, path: str, body: bytes) -> Answer:
        got = TestApp(self._app).post(self.prefix + path, body, status="*")
        return Answer(got.status_int, got.headers, got.text)

    @contextlib.contextmanager
    def parts(self, path: str) -> Iterator[Iterator[bytes]]:
        # TestApp would collect the parts first.
        response = Request.blank(self.prefix + path).get_response(self._app)
        with contextlib.closing(response.app_iter):
            yield iter(response.app_iter)


class Running:
    """Starts servers when they are first wanted, and ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serial = itertools.count()
        self._stack = contextlib.ExitStack()
        self._kept: dict[str, Server] = {}

    def of(self, name: str) -> Server:
        """Return the one server of a kind, with all the applications."""
        if name not in self._kept:
            self._kept[name] = self.start(name)
        return self._kept[name]

    def start(self, name: str, module: str = "everything", **env: str) -> Server:
        """Start a further server."""
        kind = KINDS[name]
        if kind.command is None:
            return InProcessServer(kind, _app=import_module(module).main())
        return HttpServer(kind, process=self.program(kind.command(module, self.folder()), **env))

    def attach(self, name: str, process: Program) -> Server:
        """Return the server of a kind that runs in a process."""
        return HttpServer(KINDS[name], process=process)

    def program(self, command: list[str], **env: str) -> Program:
        """Start any other program."""
        process = Program(command, **env)
        self._stack.callback(process.close)
        return process

    def folder(self) -> Path:
        """Make a new folder."""
        folder = self._folder / str(next(self._serial))
        folder.mkdir()
        return folder

    def close(self) -> None:
        self._stack.close()
