"""One fixture, ``server``, which is every server in turn, with every hook of Pyramid behind it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The servers find the applications by PYTHONPATH; the one in this process finds them here.
sys.path.append(str(Path(__file__).parent / "lib"))

from server_order import group_by_server
from servers import KINDS, Running, Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of one server after those of the other."""
    group_by_server(items, Path(__file__).parent)


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
