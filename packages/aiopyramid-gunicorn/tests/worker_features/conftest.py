"""Servers with the application ``features_app``, started in every way that there is."""

import contextlib
import importlib.util
import json
import os
import re
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
# The tests of the worker have a class for a server process; pytest shares fixtures only downwards.
_spec = importlib.util.spec_from_file_location(
    "worker_conftest", HERE.parent / "worker/conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
worker_conftest: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worker_conftest)


def _command(how: str, options: tuple[str, ...], settings: dict[str, str], tmp_path: Path) -> Any:
    control_socket = worker_conftest.HAS_CONTROL_SOCKET
    if how == "pserve":
        ini = ["[app:main]", "use = call:features_app:main"]
        ini += [f"{name} = {value}" for name, value in settings.items()]
        ini += ["[server:main]", "use = egg:gunicorn#main", "bind = 127.0.0.1:0"]
        ini += [f"worker_class = {worker_conftest.WORKER}"]
        ini += ["control_socket_disable = true"] * control_socket
        path = tmp_path / "served.ini"
        path.write_text("\n".join(ini))
        return [sys.executable, "-m", "pyramid.scripts.pserve", str(path)]
    command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0"]
    command += ["--no-control-socket"] * control_socket
    if how == "gthread":
        command += ["-k", "gthread", "--threads", "8"]
    else:
        command += ["-k", worker_conftest.WORKER]
    command += ["--preload"] * (how == "preload")
    return [*command, *options, "features_app:main()"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a server: ``start("--option", settings={...}, how="gunicorn")``.

    ``how`` is ``gunicorn`` or ``preload`` (our worker), ``pserve`` (the same, by an ini file) or
    ``gthread`` (gunicorn's own worker with threads). ``path`` is a folder with more modules.
    """
    with contextlib.ExitStack() as stack:

        def start(
            *options: str,
            settings: dict[str, str] | None = None,
            how: str = "gunicorn",
            path: str = str(HERE),
        ) -> Any:
            settings = settings or {}
            env = {"PYTHONPATH": f"{path}{os.pathsep}{HERE}", "SETTINGS": json.dumps(settings)}
            process = worker_conftest.Served(_command(how, options, settings, tmp_path), env)
            stack.callback(process.close)
            return process

        yield start


class RawClient:
    """A client that says what the test says, and goes away in the way that the test wants."""

    def __init__(self, port: int, path: str, version: str = "1.1") -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), worker_conftest.PATIENCE_SECONDS)
        self.received = b""
        self.sock.sendall(f"GET {path} HTTP/{version}\r\nHost: test\r\n\r\n".encode())

    def read_until(self, part: bytes) -> bytes:
        """Read until something has come; return all that has come so far."""
        while part not in self.received:
            data = self.sock.recv(4096)
            assert data, f"the server closed after {self.received!r}"
            self.received += data
        return self.received

    def read_to_end(self) -> bytes:
        """Read until the server closes, however it does."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.sock.recv(4096):
                self.received += data
        return self.received

    def vanish(self, how: str) -> None:
        """Go away: politely (``FIN``) or by breaking off (``RST``)."""
        if how == "RST":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@pytest.fixture
def raw() -> Iterator[Callable[..., RawClient]]:
    """Send a request over a socket of its own: ``raw(server, "/path")``."""
    clients: list[RawClient] = []

    def raw(server: Any, path: str, **more: Any) -> RawClient:
        clients.append(RawClient(server.port, path, **more))
        return clients[-1]

    yield raw
    for client in clients:
        client.sock.close()


@pytest.fixture
def count() -> Callable[[Any, str], int]:
    """Count the lines of a server's output that match."""

    def count(server: Any, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in server.lines)

    return count
