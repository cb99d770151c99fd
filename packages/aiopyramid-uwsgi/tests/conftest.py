"""Real uWSGI processes with the application in ``site``."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from server_process import PATIENCE_SECONDS, Process
from uwsgi_command import ANNOUNCES, uwsgi_command

SITE = Path(__file__).parent / "site"
# WebSockets are an extra.
collect_ignore = [] if importlib.util.find_spec("aiopyramid_websocket") else ["websocket"]

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open


class Uwsgi(Process):
    """A running uWSGI, and a client for it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        path = os.pathsep.join([str(SITE), os.environ.get("PYTHONPATH", "")])
        super().__init__(command, {"PYTHONPATH": path} | env)

    @property
    def port(self) -> int:
        return int(self.said(ANNOUNCES)[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, body: bytes | None = None, **fields: str) -> tuple[int, str]:
        """Return status and text."""
        request = Request(self.url + path, body, headers=fields)
        try:
            with open_url(request, timeout=PATIENCE_SECONDS) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def ask(self, head: str) -> tuple[str, bytes]:
        """Send a request as it stands; return the head and all after it, up to the end."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as client:
            client.sendall(head.encode())
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
        lines, _, rest = answer.partition(b"\r\n\r\n")
        return lines.decode("latin-1"), rest

    def stop(self) -> float:
        """End it as its operator would; return how many seconds that took."""
        return self.end(signal.SIGINT)


@contextlib.contextmanager
def _uwsgi(
    *options: str, settings: dict[str, str] | None = None, cores: int = 100, **env: str
) -> Iterator[Uwsgi]:
    env["SETTINGS"] = json.dumps(settings or {})
    process = Uwsgi(uwsgi_command("--module", "served_app", *options, cores=cores), env)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def uwsgi() -> Iterator[Callable[..., Uwsgi]]:
    """Start a server: ``uwsgi("--option", settings={...}, NAME="environment")``."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(_uwsgi(*options, **more))


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def served(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One server with one worker for the tests of a module that leave it as it was."""
    settings = {
        "aiopyramid.uwsgi.loop": request.param,
        "aiopyramid.uwsgi.body_limit_bytes": "4000000",
    }
    with _uwsgi("--lazy-apps", "--listen", "600", settings=settings, cores=600) as process:
        yield process
    # None of the tests may have got in the way of what ends it.
    assert process.popen.returncode == 0 or process.popen.returncode < 0
