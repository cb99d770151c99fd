"""Real ASGI servers, each started once for all tests, and servers that exist in the test only."""

import asyncio
import contextlib
import http.client
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any

import coroutine_tests
import pytest
from server_order import group_by_server
from server_process import Process
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call

SITE = Path(__file__).parent / "site"
PATIENCE_SECONDS = 30.0

COMMANDS = {
    "uvicorn": "uvicorn --port 0 --lifespan on {app}",
    # In the process that gets the signals: hypercorn does not pass them on to its workers.
    "hypercorn": "hypercorn --workers 0 --bind 127.0.0.1:{port} {app}",
    # As the README says: with its default mode it sometimes does not tell of its stop.
    "granian": "granian --runtime-mode st --interface asgi --port {port} {app}",
    "daphne": "daphne --bind 127.0.0.1 --port {port} {app}",
}

# For applications that are mounted in Pyramid, which need not run on an ASGI server.
GUNICORN = (
    "gunicorn --no-control-socket --bind 127.0.0.1:{port}"
    " --worker-class aiopyramid_gunicorn.worker.AsyncGunicornWorker {app}"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of one server after those of the other."""
    group_by_server(items, Path(__file__).parent)


@pytest.fixture
def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """One kind of loop is enough: the servers are tested with their own."""
    return asyncio.new_event_loop


class Server(Process):
    """An ASGI server."""

    def __init__(self, name: str, app: str, options: str = "", **environment: str) -> None:
        self.name = name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = (COMMANDS | {"gunicorn": GUNICORN})[name]
        command = command.format(app=f"{options} {app}", port=self.port)
        super().__init__(
            [sys.executable, "-W", "ignore", "-m", *command.split()],
            {"PYTHONPATH": str(SITE)} | environment,
        )
        try:
            if name == "uvicorn":
                self.port = int(self.said(r"running on http://127\.0\.0\.1:(\d+)")[1])
            self.until(self._accepts)
        except BaseException:
            self.close()
            raise

    def _accepts(self) -> bool:
        assert self.popen.poll() is None, self.output
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        """Connect, without a request."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)

    def ask(self, request: str, body: bytes = b"") -> socket.socket:
        """Send a request line and its fields, and leave the connection open."""
        client = self.connect()
        head = "\r\n".join([*request.splitlines(), "Host: site.example", "", ""])
        client.sendall(head.encode("latin-1") + body)
        return client

    def get(
        self, path: str, method: str = "GET", body: Any = None, **fields: str
    ) -> "http.client.HTTPResponse":
        """Return a response, whose body is in ``text``."""
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        ) as client:
            client.request(method, path, body, fields)
            response: Any = client.getresponse()
            response.text = response.read().decode()
        return response

    def websocket(self, path: str = "/echo", **options: Any) -> ClientConnection:
        """Open a WebSocket."""
        options = {"open_timeout": 30, "close_timeout": 10, "proxy": None} | options
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    def happens(self, what: str) -> None:
        """Wait until the application has noted something."""
        self.until(lambda: what in self.get("/what_happened").text)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Server]]:
    """The servers that run; not a parametrised fixture, which would restart them."""
    running: dict[str, Server] = {}
    yield running
    for server in running.values():
        server.close()


@pytest.fixture(params=COMMANDS)
def server(servers: dict[str, Server], request: pytest.FixtureRequest) -> Server:
    """Every ASGI server in turn, with the application of ``site/asgi_site.py``."""
    if request.param not in servers:
        servers[request.param] = Server(request.param, "asgi_site:application")
    return servers[request.param]


@pytest.fixture(scope="session")
def server_class() -> type[Server]:
    return Server


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Start a server of the test's own, which it may end."""
    started: list[Server] = []

    def start(name: str, app: str = "asgi_site:application", **environment: str) -> Server:
        started.append(Server(name, app, **environment))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def http2_servers(servers: dict[str, Server]) -> Callable[[str], Server]:
    """The servers that speak HTTP/2 without TLS; uvicorn needs options for it."""

    def http2_server(name: str) -> Server:
        options = {"uvicorn": "--http zttp --http2"}.get(name, "")
        key = f"{name} {options}".strip()
        if key not in servers:
            servers[key] = Server(name, "asgi_site:application", options)
        return servers[key]

    return http2_server


@dataclass
class Life:
    """How a server has ended that was told to stop while it had clients.

    Attributes:
        output: All that it printed.
        seconds: How long it took to end.
        events: The event stream that a client received.
        close_code: The close code of a WebSocket; 1006 if there was none.
    """

    output: str
    seconds: float
    events: bytes
    close_code: int


@pytest.fixture(scope="session")
def lives() -> Callable[[str], Life]:
    """Return the life of a server by its name; it is lived once for all tests."""
    known: dict[str, Life] = {}

    def life(name: str) -> Life:
        if name not in known:
            known[name] = _live(name)
        return known[name]

    return life


def _live(name: str) -> Life:
    server = Server(name, "asgi_site:application")
    try:
        address = f"ws://127.0.0.1:{server.port}/echo"
        with (
            server.ask("GET /events HTTP/1.1") as client,
            connect(address, open_timeout=30, close_timeout=10, proxy=None) as websocket,
        ):
            websocket.send("hello")
            websocket.recv(30)
            events = b""
            while b"tick" not in events:
                events += client.recv(9999)
            server.signal(SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                websocket.recv(30)
            while data := client.recv(9999):
                events += data
        seconds = server.ended()
    finally:
        server.close()
    code = closed.value.rcvd.code if closed.value.rcvd else 1006
    return Life(server.output, seconds, events, code)


class FakeServer:
    """A server that sends an application the events that a test says."""

    def __init__(self, **scope: Any) -> None:
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"site.example")],
            "client": ("192.0.2.7", 1234),
            "server": ("192.0.2.1", 80),
        } | scope
        if all(name != b"host" for name, _ in self.scope["headers"]):
            self.scope["headers"] = [(b"host", b"site.example"), *self.scope["headers"]]
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def tell(self, kind: str, **content: Any) -> None:
        self.events.put_nowait({"type": kind} | content)

    async def call(self, application: Any) -> "FakeServer":
        await application(self.scope, self.events.get, self.send)
        return self

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


@pytest.fixture(scope="session")
def fake_server() -> type[FakeServer]:
    return FakeServer


@pytest.fixture(scope="session")
def soon() -> Callable[..., Any]:
    """Wait in a coroutine until a condition holds."""

    async def soon(condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, "it never happened"
            await asyncio.sleep(0.001)

    return soon
