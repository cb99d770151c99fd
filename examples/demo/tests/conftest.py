"""The demo's application, called as a server would call it, and served as `make serve` does."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest
from aiopyramid_demo import main
from pyramid.router import Router
from redis_server import redis_server
from sqlalchemy.pool import NullPool
from uwsgi_command import uwsgi_binary_or_skip
from webob import Request, Response

from aiopyramid_core import spawn_greenlet

INI = Path(__file__).parent.parent / "development.ini"
PATIENCE = 60.0  # seconds for the server to start and to stop, on a busy machine as well

# Straight to this machine, whatever proxy the environment names.
open_url = build_opener(ProxyHandler({})).open

Get = Callable[..., Coroutine[Any, Any, Response]]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "aiopyramid.groups.history": "50",
        "aiopyramid.groups.url": "memory://",
        "demo.upstream": "http://127.0.0.1:9/upstream",  # nobody listens there
        "pyramid.includes": "pyramid_debugtoolbar",
        "sqlalchemy.poolclass": NullPool,  # no connection outlives the loop of a test
        "sqlalchemy.url": f"sqlite+aiosqlite:///{tmp_path}/demo.sqlite",
    }


@pytest.fixture
def app(settings: dict[str, str]) -> Router:
    return main({}, **settings)


@pytest.fixture
def get(app: Router) -> Get:
    """Get a page on the running event loop, from this machine: the toolbar serves no other."""

    async def get(path: str, **headers: str) -> Response:
        request = Request.blank(path, headers=headers, environ={"REMOTE_ADDR": "127.0.0.1"})
        return await asyncio.wait_for(spawn_greenlet(request.get_response, app), timeout=10)

    return get


def command(server: str) -> list[str]:
    if server == "pserve":
        return [sys.executable, "-m", "pyramid.scripts.pserve"]
    return [uwsgi_binary_or_skip(), "--home", sys.prefix, "--ini-paste-logged"]


@pytest.fixture(scope="module", params=["pserve", "uwsgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of a running demo; check that it stops when asked to."""
    with serve(command(request.param), tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="session")
def four_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a demo with four workers and Redis."""
    with redis_server() as redis:
        changes = {"workers = 1": "workers = 4", "memory://": redis.url}
        folder = tmp_path_factory.mktemp("four_workers")
        with serve(command("pserve"), folder, changes) as address:
            yield address


@contextmanager
def serve(command: list[str], folder: Path, changes: dict[str, str] | None = None) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    ini, log = folder / "development.ini", folder / "log"
    text = INI.read_text().replace("6543", str(port))
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    ini.write_text(text)
    with log.open("wb") as output:
        process = subprocess.Popen([*command, ini], stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 0, log.read_text()


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            open_url(f"{address}/heartbeat", timeout=PATIENCE).close()
            return
        except URLError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The demo did not start:\n{log.read_text()}")
            time.sleep(0.05)
