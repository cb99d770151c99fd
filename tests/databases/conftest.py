"""Real servers with the code of ``docs/transactions.md`` and of ``site``, and PostgreSQL."""

import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from postgres_server import postgres_server
from server_process import PATIENCE_SECONDS, ServerProcess
from system_programs import ProgramMissingError

HERE = Path(__file__).parent
GUIDE = HERE.parent.parent / "docs" / "transactions.md"
COMMANDS = {
    "gunicorn": (
        *("gunicorn", "--no-control-socket", "-b", "127.0.0.1:0", "--keep-alive", "30"),
        *("-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker", "{module}:main()"),
    ),
    "preloading gunicorn": (
        *("gunicorn", "--no-control-socket", "-b", "127.0.0.1:0", "--preload", "--workers", "2"),
        *("-k", "aiopyramid_gunicorn.worker.AsyncGunicornWorker", "{module}:main()"),
    ),
    "waitress": (
        "waitress",
        "--listen",
        "127.0.0.1:0",
        "--threads",
        "60",
        "--call",
        "{module}:main",
    ),
}


@pytest.fixture(scope="session")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's code, as the modules that its first lines name: more of package ``myapp``."""
    folder = tmp_path_factory.mktemp("recipes")
    for code in re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.M | re.S):
        named = re.match(r"# (myapp/\w+\.py)\n", code)
        assert named, f"code in the guide that is not tested:\n{code}"
        (folder / named[1]).parent.mkdir(exist_ok=True)
        (folder / named[1]).write_text(code)
    return folder


class Served(ServerProcess):
    """A server process with one worker, and clients for it."""

    def __init__(self, server: str, module: str, folder: Path, settings: dict[str, Any]) -> None:
        places = [str(folder), str(HERE / "site"), os.environ.get("PYTHONPATH", "")]
        super().__init__(
            server,
            [part.format(module=module) for part in COMMANDS[server]],
            {"PYTHONPATH": os.pathsep.join(places), "SETTINGS": json.dumps(settings)},
            preloaded=("zope.sqlalchemy", "sqlalchemy.orm"),
        )

    async def get(self, session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
        """Return status and JSON, or the text of other content."""
        async with session.get(self.site + path) as response:
            text = await response.text()
            if response.content_type == "application/json":
                return response.status, json.loads(text)
            return response.status, text

    async def until(
        self, session: aiohttp.ClientSession, path: str, condition: Callable[[Any], Any]
    ) -> Any:
        """Ask again and again until the answer is as wanted, and return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition(answer := await self.ok(session, path)):
            assert time.monotonic() < deadline, f"{path} still says {answer}\n{self.output}"
            await asyncio.sleep(0.01)
        return answer

    async def keeps_apart(
        self, session: aiohttp.ClientSession, add: str, add_and_raise: str, query: str = ""
    ) -> None:
        """Check that what a view writes stays, and what one writes that raises goes."""
        kept, raised = ([f"{view}{i}" for i in range(30)] for view in (add, add_and_raise))
        await asyncio.gather(
            *(self.ok(session, f"/{add}?name={name}{query}") for name in kept),
            *(self.get(session, f"/{add_and_raise}?name={name}{query}") for name in raised),
        )
        names = set((await self.ok(session, "/names"))["names"])
        assert names >= set(kept)
        assert names.isdisjoint(raised)

    async def hides(self, session: aiohttp.ClientSession, add_and_wait: str) -> None:
        """Check that nobody sees what a view has written that waits, before it is committed."""
        path = f"/{add_and_wait}?name=later&gate=later"
        writer = asyncio.create_task(self.ok(session, path))
        await self.until(session, "/waiting?gate=later", lambda answer: answer["waiting"])
        before = (await self.ok(session, "/names"))["names"]
        await self.ok(session, "/open_gate?gate=later")
        await writer
        assert "later" not in before
        assert "later" in (await self.ok(session, "/names"))["names"]

    async def ok(self, session: aiohttp.ClientSession, path: str) -> Any:
        status, answer = await self.get(session, path)
        assert status == 200, f"{path}: {status}, {answer}\n{self.output}"
        return answer


@contextlib.contextmanager
def _served(*args: Any) -> Iterator[Served]:
    served = Served(*args)
    try:
        yield served
    finally:
        served.close()


@pytest.fixture(scope="module")
def serve(recipes: Path) -> Callable[..., Any]:
    """Start a server: ``with serve("gunicorn", "myapp.sync_app", {"a": "setting"}) as served``."""

    def serve(server: str, module: str, settings: dict[str, Any]) -> Any:
        return _served(server, module, recipes, settings)

    return serve


@pytest.fixture
def clients() -> Callable[..., Any]:
    """Run a coroutine function with an HTTP client: ``clients(main)``."""

    def clients(main: Callable[..., Any], *args: Any) -> Any:
        async def run() -> Any:
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(PATIENCE_SECONDS),
            ) as session:
                return await main(session, *args)

        return asyncio.run(run())

    return clients


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own, on a Unix socket; its URL, but for the database's name."""
    try:
        with postgres_server() as folder:
            yield f"postgresql+asyncpg://postgres@/{{database}}?host={folder}"
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
