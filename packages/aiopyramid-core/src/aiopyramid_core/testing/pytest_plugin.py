"""The pytest plugin: tests in the bridge, and against real servers.

pytest loads it automatically where this package is installed. It adds the marker ``in_bridge`` and
the fixtures ``bridge``, ``serve``, ``each_server`` and ``async_client``; see "Testing" in
README.md.

Marked tests and their fixtures run here even where pytest-asyncio or anyio's plugin would run
them as well, since an object that belongs to one event loop cannot be used on another.
"""

import contextlib
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Final

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
    "pytest_fixture_setup",
    "pytest_itemcollected",
    "pytest_pyfunc_call",
    "pytest_runtest_setup",
    "serve",
)

_FUNCTION: Final = pytest.StashKey[Callable[..., Any]]()
"""The function of a marked test."""


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
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep the function of a marked test. A pytest hook.

    Args:
        item: The test.
    """
    if isinstance(item, pytest.Function) and _is_marked(item):
        # When it is called, pytest-asyncio has replaced it by one that runs its own event loop.
        item.stash[_FUNCTION] = item.obj


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Run the ``async def`` fixtures of a marked test on its event loop. A pytest hook.

    Those of a wider scope than ``"function"`` outlive the loop, and are left to other plugins.

    Args:
        fixturedef: The fixture.
        request: The request for it.
    """
    if fixturedef.scope != "function" or not _is_marked(request.node):
        return (yield)
    function = _bound(fixturedef.func, request.instance)
    if inspect.iscoroutinefunction(function):
        runs = _runs_coroutine
    elif inspect.isasyncgenfunction(function):
        runs = _runs_generator
    else:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixturedef, "func", runs(function, request.getfixturevalue("bridge")))
        return (yield)


def _bound(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    """Return the method of the instance whose test runs, if a fixture is a method."""
    if inspect.ismethod(function) and isinstance(instance, type(function.__self__)):
        return function.__func__.__get__(instance)  # type: ignore[no-any-return]
    return function


def _runs_coroutine(function: Callable[..., Any], bridge: Bridge) -> Callable[..., Any]:
    def fixture(**arguments: Any) -> Any:
        return bridge.run(function, **arguments)

    return fixture


def _runs_generator(
    function: Callable[..., AsyncGenerator[Any]], bridge: Bridge
) -> Callable[..., Any]:
    ended = object()

    def fixture(**arguments: Any) -> Iterator[Any]:
        generator = function(**arguments)
        # pytest reports a fixture that yields twice.
        while (value := bridge.run(anext, generator, ended)) is not ended:
            yield value

    return fixture


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Call a marked test in the bridge. A pytest hook.

    Args:
        pyfuncitem: The test.
    """
    if not _is_marked(pyfuncitem):
        return (yield)
    function = pyfuncitem.stash[_FUNCTION]
    bridge: Any = pyfuncitem.funcargs["bridge"]

    def in_bridge(**arguments: Any) -> Any:
        return bridge.run(function, **arguments)

    # A synchronous function is of no interest to the plugins for coroutines.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyfuncitem, "obj", in_bridge)
        return (yield)


def _is_marked(item: pytest.Item | pytest.Collector) -> bool:
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
