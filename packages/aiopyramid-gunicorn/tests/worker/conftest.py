"""Real gunicorn processes, each in a session of its own, for the tests in this folder."""

import contextlib
import http.client
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from server_process import PATIENCE_SECONDS, Process

HERE = Path(__file__).parent
WORKER = "aiopyramid_gunicorn.worker.AsyncGunicornWorker"
# gunicorn has a control socket, in the home folder, since version 25.
HAS_CONTROL_SOCKET = "control_socket_disable" in Config().settings


class Served(Process):
    """A running gunicorn, and a client for it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        path = [env.pop("PYTHONPATH", ""), str(HERE), os.environ.get("PYTHONPATH", "")]
        super().__init__(command, {"PYTHONPATH": os.pathsep.join(path)} | env)

    @property
    def port(self) -> int:
        return int(self.said(r"Listening at: https?://127\.0\.0\.1:(\d+)")[1])

    def get(self, path: str = "/hello") -> tuple[int, str]:
        """Return status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def talk(self, data: bytes, *, address: Any = None) -> bytes:
        """Send bytes over a new connection; return all that comes until the server closes it."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as sock:
            sock.settimeout(PATIENCE_SECONDS)
            sock.connect(address or ("127.0.0.1", self.port))
            sock.sendall(data)
            return b"".join(iter(lambda: sock.recv(1 << 16), b""))

    def get_later(self, path: str) -> Callable[[], Any]:
        """Send a request from a thread, and return a function that waits for its outcome."""
        outcome: list[Any] = []

        def get() -> None:
            try:
                outcome.append(self.get(path))
            except (OSError, http.client.HTTPException) as error:
                outcome.append(error)

        thread = threading.Thread(target=get)
        thread.start()

        def wait() -> Any:
            thread.join()
            return outcome[0]

        return wait


@contextlib.contextmanager
def _gunicorn(
    *options: str, app: str = "served_app:main()", worker: str = WORKER, **env: str
) -> Iterator[Served]:
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "-b", "127.0.0.1:0", *options, app]
    if HAS_CONTROL_SOCKET:
        command.insert(3, "--no-control-socket")
    process = Served(command, env)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def gunicorn() -> Iterator[Callable[..., Served]]:
    """Start gunicorn on the command line: ``gunicorn("--timeout", "2", NAME="environment")``."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(_gunicorn(*options, **more))


@pytest.fixture(scope="module")
def served_by() -> Callable[..., contextlib.AbstractContextManager[Served]]:
    """Start gunicorn for longer than a test: ``with served_by("--option") as server``."""
    return _gunicorn


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One gunicorn with one worker for all tests of a module that leave it as it was."""
    with _gunicorn("--access-logfile", "-", "--keep-alive", "30") as process:
        process.get()
        yield process


@pytest.fixture
def pserve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start the application with ``pserve``, gunicorn's settings given as an ini file has them."""

    def ini(settings: dict[str, Any]) -> str:
        if HAS_CONTROL_SOCKET:
            settings = {"control_socket_disable": "true", **settings}
        return "\n".join(
            [
                "[app:main]",
                "use = call:served_app:main",
                "[server:main]",
                "use = egg:gunicorn#main",
                "bind = 127.0.0.1:0",
                f"worker_class = {WORKER}",
                *(f"{name} = {value}" for name, value in settings.items()),
            ]
        )

    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Served:
            path = tmp_path / "development.ini"
            path.write_text(ini(settings))
            process = Served([sys.executable, "-m", "pyramid.scripts.pserve", str(path)], {})
            stack.callback(process.close)
            return process

        yield start
