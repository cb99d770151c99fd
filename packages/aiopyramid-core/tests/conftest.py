"""What the tests share, as fixtures: pytest imports test modules such that none sees another."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from pyramid.config import Configurator
from webob import Request, Response

from aiopyramid_core import _applications, spawn_greenlet
from aiopyramid_core._threads.of_process import request_threads

PATIENCE_SECONDS = 20


@pytest.fixture(autouse=True)
def no_uwsgi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave uWSGI out of each_server: the applications here do not include aiopyramid_uwsgi."""
    monkeypatch.delenv("AIOPYRAMID_UWSGI", raising=False)


@pytest.fixture(autouse=True)
def only_own_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a test from starting the applications of earlier ones, which may still be referenced."""
    monkeypatch.setattr(_applications, "_applications", [])


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a coroutine function on a new event loop, once for each kind of loop."""
    factory = asyncio.new_event_loop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    def run(main: Callable[..., Any], *args: Any) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main(*args))

    return run


@pytest.fixture
def application() -> Callable[..., Any]:
    """Build a real Pyramid application that includes the package, then call ``configure``."""

    def build(configure: Callable[[Configurator], Any]) -> Any:
        config = Configurator()
        config.include("aiopyramid_core")
        configure(config)
        return config.make_wsgi_app()

    return build


@pytest.fixture
def fetch() -> Callable[..., Any]:
    """Send a request through a WSGI application as the servers do, in a greenlet of the bridge."""

    async def fetch(application: Any, path: str = "/") -> Response:
        return await spawn_greenlet(Request.blank(path).get_response, application)

    return fetch


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Fail if anything, a garbage-collected coroutine included, warned during the test."""
    gc.collect()  # what earlier tests have left behind is theirs
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """Fail if a coroutine was never awaited."""
    gc.collect()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in seen if each.category is RuntimeWarning] == []


class Bare:
    """An awaitable that yields a signal of ours to the code that drives the coroutine."""

    def __init__(self, signal: Any = None) -> None:
        self.signal = signal

    def __await__(self) -> Any:
        return (yield self.signal)


@pytest.fixture
def bare() -> type[Bare]:
    """An awaitable with which a test can drive a coroutine by hand, without an event loop."""
    return Bare


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], Coroutine[Any, Any, None]]:
    """Wait, in a coroutine, until a condition holds."""

    async def until(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.001)

    return until


@pytest.fixture(scope="session")
def is_idle() -> Callable[[], bool]:
    """Tell whether no thread is in a request, and none is waited for."""
    return lambda: request_threads().counts[1:] == (0, 0, 0)
