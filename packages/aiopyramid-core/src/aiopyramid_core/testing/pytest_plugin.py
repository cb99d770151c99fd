"""The pytest plugin: tests in the bridge, and against real servers.

pytest loads it automatically where this package is installed. It adds the marker ``in_bridge`` and
the fixtures ``bridge``, ``serve``, ``each_server`` and ``async_client``; see "Testing" in
README.md.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from . import SERVERS, Bridge, Served, serving
from ._servers import what_is_missing

if TYPE_CHECKING:
    import aiohttp

__all__ = (
    "async_client",
    "bridge",
    "each_server",
    "pytest_configure",
    "pytest_itemcollected",
    "pytest_pyfunc_call",
    "serve",
)


# --- Hooks ----------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker. A pytest hook.

    Args:
        config: pytest's configuration.
    """
    config.addinivalue_line(
        "markers",
        "in_bridge: run the test, a coroutine function or a synchronous one, on the event loop of"
        " the fixture `bridge`, where it may call synchronized coroutines",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give each marked test the fixture that runs it. A pytest hook.

    Args:
        item: The collected item.
    """
    if isinstance(item, pytest.Function) and _is_marked(item):
        # First, so that it is set up before all other fixtures and torn down after them.
        item.fixturenames.insert(0, "bridge")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a marked test in the bridge. A pytest hook.

    Args:
        pyfuncitem: The test.
    """
    if not _is_marked(pyfuncitem):
        return None
    # There is no public way to ask for the names of the function's own arguments.
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    bridge: Any = pyfuncitem.funcargs["bridge"]
    bridge.run(pyfuncitem.obj, **arguments)
    return True


def _is_marked(item: pytest.Item) -> bool:
    return item.get_closest_marker("in_bridge") is not None


# --- Fixtures -------------------------------------------------------------------------------------


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """An event loop for the test: ``bridge.run(function, ...)`` calls a function in the bridge."""
    with Bridge() as bridge:
        yield bridge


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serve an application until the test ends: ``serve("package:main", "waitress", {...}).url``.

    The arguments are those of :func:`aiopyramid_core.testing.serving`.
    """
    served: list[Served] = []

    with contextlib.ExitStack() as stack:

        def serve(*args: Any, **kwargs: Any) -> Served:
            served.append(stack.enter_context(serving(*args, **kwargs)))
            return served[-1]

        yield serve
        for site in served:
            # pytest shows this output if the test fails.
            print(f"--- {site.server} at {site.url}\n{site.log}")


@pytest.fixture(params=SERVERS)
def each_server(request: pytest.FixtureRequest) -> str:
    """The name of each server in turn; servers that cannot be used are skipped.

    Args:
        request: The pytest request, with the name.
    """
    server: str = request.param
    if missing := what_is_missing(server):
        pytest.skip(f"{server} cannot be used: {missing}")
    return server


@pytest.fixture
def async_client(bridge: Bridge) -> "Iterator[aiohttp.ClientSession]":
    """An HTTP and WebSocket client on the test's event loop: an aiohttp session.

    Args:
        bridge: The event loop.
    """
    try:
        from aiohttp import ClientSession
    except ImportError:
        pytest.fail("async_client needs aiohttp: install aiopyramid-core[testing].", pytrace=False)

    async def open_session() -> "aiohttp.ClientSession":
        return ClientSession()

    session = bridge.run(open_session)
    yield session
    bridge.run(session.close)
