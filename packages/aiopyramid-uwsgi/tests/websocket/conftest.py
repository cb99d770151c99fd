"""Real uWSGI processes with WebSocket views, and clients for them."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import Process
from uwsgi_command import uwsgi_command
from websockets.sync.client import ClientConnection, connect

# The application and the tests that WebSockets have on gunicorn.
ON_GUNICORN = Path(__file__).parents[3] / "aiopyramid-websocket/tests/served"
SITE = Path(__file__).parent / "site"


class Served(Process):
    """A running uWSGI, and clients for it."""

    def __init__(
        self, *options: str, module: str = "served_app", settings: dict[str, str] | None = None
    ) -> None:
        # Not one that uWSGI chooses: after a reload it would be another.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        included = {"pyramid.includes": "aiopyramid_uwsgi"} | (settings or {})
        source = f"from {module} import main; application = main(**{included})"
        command = uwsgi_command("--http-socket", f"127.0.0.1:{self.port}", "--eval", source)
        path = os.pathsep.join([str(ON_GUNICORN), str(SITE), os.environ.get("PYTHONPATH", "")])
        super().__init__([*command, "--lazy-apps", *options], {"PYTHONPATH": path})
        self._stack = contextlib.ExitStack()
        self.said("spawned uWSGI worker")

    def connect(self, path: str = "/ws", **options: Any) -> ClientConnection:
        """Connect with the client of the websockets library; closed at the end of the test."""
        uri = f"ws://127.0.0.1:{self.port}{path}"
        return self._stack.enter_context(connect(uri, close_timeout=1, proxy=None, **options))

    def disconnect(self) -> None:
        """Close all clients."""
        self._stack.close()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.disconnect()
        super().close()


@contextlib.contextmanager
def _starter() -> Iterator[Callable[..., Served]]:
    with contextlib.ExitStack() as stack:

        def start(*options: str, **more: Any) -> Served:
            process = Served(*options, **more)
            stack.callback(process.close)
            return process

        yield start


@pytest.fixture
def uwsgi() -> Iterator[Callable[..., Served]]:
    """Start a server with options of the test's own."""
    with _starter() as start:
        yield start


@pytest.fixture(scope="module")
def start_uwsgi() -> Iterator[Callable[..., Served]]:
    """The same for servers that several tests share."""
    with _starter() as start:
        yield start


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def one_uwsgi(start_uwsgi: Callable[..., Served], request: pytest.FixtureRequest) -> Served:
    return start_uwsgi(settings={"aiopyramid.uwsgi.loop": request.param})


@pytest.fixture
def served(one_uwsgi: Served) -> Iterator[Served]:
    """One uWSGI with one worker for all tests of a module that leave it as it was."""
    one_uwsgi.lines.clear()
    yield one_uwsgi
    one_uwsgi.disconnect()
