"""A real gunicorn process for the tests in this folder, and clients for it."""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate
from gunicorn.config import Config
from server_process import Process
from websockets.sync.client import ClientConnection, connect

HERE = Path(__file__).parent


class Served(Process):
    """A running gunicorn, and clients for it."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0"]
        command += ["-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker"]
        if "control_socket_disable" in Config().settings:
            command.append("--no-control-socket")
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        super().__init__([*command, *options, "served_app:main()"], {"PYTHONPATH": path})
        self._stack = contextlib.ExitStack()

    @functools.cached_property
    def port(self) -> int:
        return int(self.said(r"Listening at: https?://127\.0\.0\.1:(\d+)")[1])

    def connect(
        self, path: str = "/ws", *, port: int | None = None, **options: Any
    ) -> ClientConnection:
        """Connect with the client of the websockets library; closed at the end of the test."""
        uri = f"ws://127.0.0.1:{port or self.port}{path}"
        return self._stack.enter_context(connect(uri, close_timeout=1, **options))

    def disconnect(self) -> None:
        """Close all clients."""
        self._stack.close()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.disconnect()
        super().close()


@pytest.fixture
def gunicorn() -> Iterator[Callable[..., Served]]:
    """Start gunicorn with options of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> Served:
            process = Served(*options)
            stack.callback(process.close)
            return process

        yield start


@pytest.fixture(scope="module")
def one_gunicorn() -> Iterator[Served]:
    process = Served("--access-logfile", "-")
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def served(one_gunicorn: Served) -> Iterator[Served]:
    """One gunicorn with one worker for all tests of a module that leave it as it was."""
    assert one_gunicorn.port  # before what it said is forgotten
    one_gunicorn.lines.clear()
    yield one_gunicorn
    one_gunicorn.disconnect()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))
