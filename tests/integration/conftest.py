"""One fixture, ``server``, which is every server in turn, with every hook of Pyramid behind it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The servers find the applications by PYTHONPATH; the one in this process finds them here.
sys.path.append(str(Path(__file__).parent / "lib"))

from servers import KINDS, Running, Server

ONE_OF_ITS_KIND = ("hypercorn", "granian", "daphne")
"""ASGI servers, for which everything here is the same as for uvicorn, except ..."""
WHERE_SERVERS_DIFFER = ("test_bodies.py", "test_lifetime.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes time and finds nothing; aiopyramid-asgi has tests of these servers."""

    def is_wanted(item: pytest.Item) -> bool:
        name = getattr(item, "callspec", None) and item.callspec.params.get("server")
        return name not in ONE_OF_ITS_KIND or item.path.name in WHERE_SERVERS_DIFFER

    config.hook.pytest_deselected(items=[item for item in items if not is_wanted(item)])
    items[:] = [item for item in items if is_wanted(item)]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All servers. Not a parametrised fixture: that would restart them whenever tests mix."""
    running = Running(tmp_path_factory.mktemp("servers"))
    yield running
    running.close()


@pytest.fixture(params=list(KINDS))
def server(running: Running, request: pytest.FixtureRequest) -> Server:
    """Every server in turn, started once."""
    return running.of(request.param)


@pytest.fixture(params=["direct", "woven"])
def site(server: Server, request: pytest.FixtureRequest) -> Server:
    """The application with every hook; in "woven" coroutine tweens are around everything.

    On a server with threads, that is the difference between a request which stays in its thread
    but for single calls, and one which goes over to the event loop as a whole.
    """
    return server.mounted(request.param)
