"""The sites on every server, and clients that count what they were answered."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from forked_serving import forked_serving
from repetition import TIMES
from uwsgi_command import uwsgi_binary_or_skip

from aiopyramid_core.testing import Served

SITE = Path(__file__).parent / "site"
PATIENCE_SECONDS = 120
CLIENTS = 16


@pytest.fixture(params=["gunicorn", "gunicorn-asyncio", "waitress", "uwsgi"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of a server; gunicorn's worker with uvloop and without."""
    name: str = request.param
    if name == "gunicorn-asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('left out')")
        monkeypatch.syspath_prepend(tmp_path)
    if name == "uwsgi":
        monkeypatch.setenv("AIOPYRAMID_UWSGI", os.fspath(uwsgi_binary_or_skip()))
    return name.partition("-")[0]


@pytest.fixture
def serve_application(monkeypatch: pytest.MonkeyPatch, server: str) -> Callable[..., Any]:
    """Serve an application: ``with serve_application("module:function", settings) as served``."""
    monkeypatch.syspath_prepend(SITE)

    def serve_application(address: str, settings: dict[str, str]) -> Any:
        if server == "uwsgi":
            settings["uwsgi"] = "yes"
        return forked_serving(address, server, settings, ("zope.sqlalchemy", "sqlalchemy.orm"))

    return serve_application


@pytest.fixture
def serve(serve_application: Callable[..., Any]) -> Callable[..., Any]:
    """Serve a site: ``with serve("starter", url) as served``."""
    return lambda site, url: serve_application(f"{site}:main", {"sqlalchemy.url": url})


@pytest.fixture
def writes(server: str) -> int:
    """How many rows to write, a multiple of twelve: most where there is most to go wrong."""
    return (360 if server == "gunicorn" else 120) * TIMES


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a database in a file."""
    return f"sqlite:///{tmp_path}/data.db"


def rows_of(url: str) -> list[str]:
    """Read from outside which rows there are."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        return sorted(name for (name,) in connection.execute("SELECT name FROM entry"))


@pytest.fixture
def rows(sqlite: str) -> Callable[[], list[str]]:
    """Return the names of all rows, in order."""
    return lambda: rows_of(sqlite)


class Clients:
    """Requests by many clients at a time."""

    def __init__(self, served: Served, session: aiohttp.ClientSession) -> None:
        self.served = served
        self._session = session

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self.served.url + path) as response:
            return response.status, await response.text()

    async def write(self, paths: list[str], number: int, first: int = 0) -> dict[int, list[str]]:
        """Write so many rows by paths in turn; return the names by the status of the answers."""
        answers: dict[int, list[str]] = {}
        names = iter(range(first, first + number))

        async def client() -> None:
            for i in names:
                path = paths[i % len(paths)]
                status, _ = await self.get(f"{path}?name=row{i:05d}")
                answers.setdefault(status, []).append(f"row{i:05d}")

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return answers


@pytest.fixture
def clients() -> Callable[..., Any]:
    """Run a coroutine function of ``Clients``: ``clients(served, main)``."""

    def clients(served: Served, main: Callable[[Clients], Any]) -> Any:
        async def run() -> Any:
            timeout = aiohttp.ClientTimeout(PATIENCE_SECONDS)
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                return await main(Clients(served, session))

        return asyncio.run(run())

    return clients
