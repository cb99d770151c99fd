"""What the tests share, as fixtures: pytest imports test modules such that none sees another.

Two kinds of parts: pure ones (a parser with a recording receiver, environ settings) and ``serve``,
which runs a WSGI application on a real event loop behind a real listening socket, in this process.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import coroutine_tests
import pyramid.asset  # noqa: F401 - first, otherwise its known warning comes from another module
import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import base_environ

from aiopyramid_core.servers import FileWrapper
from aiopyramid_gunicorn._exchange import Services
from aiopyramid_gunicorn._http1.environ import EnvironSettings
from aiopyramid_gunicorn._http1.head import RequestHead
from aiopyramid_gunicorn._http1.limits import Limits, Times
from aiopyramid_gunicorn._http1.parser import RequestParser
from aiopyramid_gunicorn._server import Server
from aiopyramid_gunicorn._server_settings import ServerSettings
from aiopyramid_gunicorn._starts import Starts

# For pytest to find: tests may be coroutine functions.
pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call
loop_factory = coroutine_tests.loop_factory


# --- Pure parts -----------------------------------------------------------------------------------


class Recorder:
    """A receiver that writes down what the parser reports."""

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.bodies: list[bytes] = []
        self.complete = 0

    def head_received(self, head: RequestHead) -> None:
        self.heads.append(head)
        self.bodies.append(b"")

    def body_received(self, data: bytes) -> None:
        self.bodies[-1] += data

    def request_received(self) -> None:
        self.complete += 1


@pytest.fixture
def recorder() -> type[Recorder]:
    """A receiver for a parser, to be called for a new one."""
    return Recorder


@pytest.fixture
def config() -> Callable[..., Config]:
    """Make gunicorn's settings from keyword arguments."""

    def config(**settings: Any) -> Config:
        cfg = Config()
        for name, value in settings.items():
            cfg.set(name, value)
        return cfg

    return config


@pytest.fixture
def settings(config: Any) -> Callable[..., EnvironSettings]:
    """Digest gunicorn's settings, given as keyword arguments, for the environ."""

    def settings(**given: Any) -> EnvironSettings:
        cfg = config(**given)
        environ = base_environ(cfg)
        environ |= {"wsgi.file_wrapper": FileWrapper, "wsgi.multithread": True}
        return EnvironSettings.from_settings(cfg, environ)

    return settings


@pytest.fixture
def parse(recorder: Any) -> Callable[[bytes], RequestHead]:
    """Parse the head of a request."""

    def parse(data: bytes) -> RequestHead:
        receiver = recorder()
        RequestParser(receiver, Limits()).feed(data)
        (head,) = receiver.heads
        return head

    return parse


# --- A server in this process ---------------------------------------------------------------------


class Clock:
    """The running loop, except that a test may put its clock forward."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ahead_seconds = 0.0

    def time(self) -> float:
        return self._loop.time() + self.ahead_seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


@dataclass
class Answer:
    """A response as it came over the wire."""

    status: int
    head: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """A client that says exactly what the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def get(self, path: str = "/", *fields: str, method: str = "GET") -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *fields]
        self.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())

    async def answer(self, *, to: str = "GET") -> Answer:
        """Read one response to a request with the method ``to``."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        answer = Answer(int(first.split()[1]), head, headers)
        if to == "HEAD" or answer.status < 200 or answer.status in (204, 304):
            pass
        elif "content-length" in headers:
            answer.body = await self.reader.readexactly(int(headers["content-length"]))
        elif "transfer-encoding" in headers:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                answer.body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        else:
            answer.body = await self.reader.read()
        return answer

    async def rest(self) -> bytes:
        """Return all that comes until the server has closed."""
        return await self.reader.read()

    async def gives_up(self) -> bool:
        """Wait until the server breaks off, and return whether that cut a response short."""
        try:
            await self.answer()
        except (asyncio.IncompleteReadError, ConnectionError):
            return True
        return False

    async def closed(self) -> bool:
        """Wait until the server has closed, and return whether it said nothing more."""
        return await self.rest() == b""

    def vanish(self) -> None:
        """Break the connection off, as a client does that crashes."""
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Site:
    """An application, served."""

    def __init__(self, server: Server, clock: Clock, address: Any, log: Path) -> None:
        self.server = server
        self._clock = clock
        self.address = address
        self._log = log
        self._clients: list[Client] = []

    async def connect(self, *, slow: bool = False) -> Client:
        """Connect; a ``slow`` client has next to no room for what it does not read at once."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        sock = socket.socket(family)
        sock.setblocking(False)
        if slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            await asyncio.get_running_loop().sock_connect(sock, self.address)
        except OSError:
            sock.close()
            raise
        limit = 1024 if slow else 1 << 16
        open_ = (
            asyncio.open_unix_connection if family == socket.AF_UNIX else asyncio.open_connection
        )
        client = Client(*await open_(sock=sock, limit=limit))
        self._clients.append(client)
        return client

    async def get(self, path: str = "/", *fields: str, method: str = "GET") -> Answer:
        """Send a request over a new connection and return the response."""
        client = await self.connect()
        client.get(path, *fields, method=method)
        return await client.answer(to=method)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition; the test's own time limit ends the wait if it never comes."""
        while not condition():
            await asyncio.sleep(0.002)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the server, and let it look after its connections."""
        self._clock.ahead_seconds += seconds
        self.server.expire()

    @property
    def log(self) -> str:
        """What gunicorn's logger wrote: errors and accesses, in one file."""
        return self._log.read_text()

    async def aclose(self) -> None:
        for client in self._clients:
            await client.close()
        await self.server.drain(0)


@pytest.fixture
def make_logger(config: Any) -> Iterator[Callable[..., Any]]:
    """Make one of gunicorn's real loggers; its settings stay at hand as ``logger.cfg``."""

    def make_logger(kind: type[Logger] = Logger, **settings: Any) -> Any:
        return kind(config(**settings))

    yield make_logger
    for name in ("gunicorn.error", "gunicorn.access"):
        for handler in tuple(logging.getLogger(name).handlers):
            logging.getLogger(name).removeHandler(handler)
            handler.close()


@pytest.fixture
def logger(make_logger: Any, tmp_path: Path) -> Any:
    """A logger that writes all it is told to one file."""
    log = str(tmp_path / "gunicorn.log")
    return make_logger(errorlog=log, accesslog=log, loglevel="debug")


@pytest.fixture
def serve(loop_factory: Any, logger: Any, settings: Any, tmp_path: Path) -> Callable[..., Any]:
    """Serve a WSGI application: ``async with serve(application) as site``."""

    @contextlib.asynccontextmanager
    async def serve(
        application: Any,
        *,
        limits: Limits | None = None,
        times: Times | None = None,
        unix: bool = False,
        send_buffer_bytes: int = 0,
        streams_body: Callable[[dict[str, Any]], bool] | None = None,
        is_urgent: Callable[[dict[str, Any]], bool] | None = None,
        **given: Any,
    ) -> AsyncIterator[Site]:
        clock = Clock()
        times = times or Times(head_seconds=30, body_seconds=20, keep_alive_seconds=10)
        services = Services(
            application, logger, streams_body=streams_body, starts=Starts(is_urgent)
        )
        server = Server(
            services,
            ServerSettings(environ=settings(**given), limits=limits or Limits(), times=times),
            clock,
        )
        sock, address = _listening(tmp_path if unix else None)
        if send_buffer_bytes:  # accepted sockets inherit it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        sock.setblocking(False)
        server.listen([sock])
        site = Site(server, clock, address, tmp_path / "gunicorn.log")
        try:
            yield site
        finally:
            await site.aclose()

    return serve


def _listening(folder: Path | None) -> tuple[Any, Any]:
    if folder is None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen(100)
        return sock, sock.getsockname()
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(folder / "sock"))
    sock.listen(100)
    return sock, sock.getsockname()


@pytest.fixture
def exc_info() -> Callable[[BaseException], Any]:
    """Raise and catch an exception; return its ``sys.exc_info()``."""

    def exc_info(error: BaseException) -> tuple[type, BaseException, TracebackType | None]:
        try:
            raise error
        except type(error):
            return type(error), error, error.__traceback__

    return exc_info
