"""Tests that are coroutine functions: a ``conftest`` repeats these names for pytest to find."""

import asyncio
import inspect
from collections.abc import Callable

import pytest

TEST_SECONDS = 30.0  # no test of ours waits that long unless something is broken


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function on the loop of its ``loop_factory`` fixture."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    values = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=pyfuncitem.funcargs["loop_factory"]) as runner:
        runner.run(asyncio.wait_for(pyfuncitem.obj(**values), TEST_SECONDS))
    return True


@pytest.fixture(params=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Each kind of event loop; a test that uses it, or ``serve``, runs once on each."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop
