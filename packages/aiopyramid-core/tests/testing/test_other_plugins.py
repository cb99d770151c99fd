"""pytest_plugin beside the plugins that other people's coroutine tests need, each of them real."""

import textwrap

import pytest

pytest_plugins = ["pytester"]

for name in ("pytest_asyncio", "anyio"):
    pytest.importorskip(name)

ASYNCIO_AUTO = ("-oasyncio_mode=auto", "-oasyncio_default_fixture_loop_scope=function")
NO_ASYNCIO = ("-pno:asyncio", "-pno:looptime_plugin")
ASYNCIO_STRICT = ("-oasyncio_mode=strict", "-oasyncio_default_fixture_loop_scope=function")

each_mode = pytest.mark.parametrize(
    "plugins",
    [ASYNCIO_AUTO, ASYNCIO_STRICT, (*NO_ASYNCIO, "-oanyio_mode=auto"), NO_ASYNCIO],
    ids=["pytest-asyncio in auto mode", "in strict mode", "anyio in auto mode", "anyio alone"],
)


@pytest.fixture
def plugins():
    """All that are installed; with pytest-asyncio in auto mode, unless a test says otherwise."""
    return ASYNCIO_AUTO


def test_each_plugin_runs_its_own_tests_of_one_project(outcomes):
    module = """
    import anyio

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.in_bridge
    async def test_in_bridge():
        assert doubled(21) == 42

    async def test_with_pytest_asyncio():
        with pytest.raises(RuntimeError):
            doubled(21)
        await asyncio.sleep(0)

    @pytest.mark.anyio
    async def test_with_anyio():
        with pytest.raises(RuntimeError):
            doubled(21)
        await anyio.sleep(0)

    @pytest.mark.in_bridge
    def test_synchronous():
        assert doubled(21) == 42
    """
    outcomes(module, passed=4)


@each_mode
def test_a_failure_is_reported_as_one(outcomes):
    module = """
    @pytest.mark.in_bridge
    async def test_fails():
        await asyncio.sleep(0)
        assert doubled(1) == 3
    """
    outcomes(module, failed=1).stdout.fnmatch_lines(["*assert 2 == 3*"])


def test_the_marker_wins_over_that_of_another_plugin(outcomes):
    module = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.mark.asyncio
    @pytest.mark.in_bridge
    async def test_asyncio():
        assert doubled(1) == 2

    @pytest.mark.anyio
    @pytest.mark.in_bridge
    async def test_anyio():
        assert doubled(1) == 2

    class TestClass:
        pytestmark = pytest.mark.in_bridge

        async def test_method(self):
            assert doubled(1) == 2
    """
    outcomes(module, passed=3)


@each_mode
def test_an_async_fixture_runs_on_the_loop_of_the_test(outcomes):
    module = """
    events = []

    @pytest.fixture
    async def loop():
        await asyncio.sleep(0)
        assert doubled(1) == 2
        return asyncio.get_running_loop()

    @pytest.fixture
    async def resource(loop):
        assert asyncio.get_running_loop() is loop
        events.append("set up")
        yield "resource"
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loop
        events.append("torn down")

    @pytest.fixture(autouse=True)
    async def automatic(loop):
        assert asyncio.get_running_loop() is loop

    @pytest.mark.in_bridge
    async def test_loop(loop, resource):
        assert asyncio.get_running_loop() is loop
        assert resource == "resource"

    @pytest.mark.in_bridge
    def test_synchronous(loop):
        assert asyncio.get_running_loop() is loop
        assert events == ["set up", "torn down"]
    """
    outcomes(module, passed=2)


def test_an_async_fixture_may_be_a_method(outcomes):
    module = """
    class TestClass:
        @pytest.fixture
        async def myself(self):
            await asyncio.sleep(0)
            return self

        @pytest.fixture
        async def myself_later(self):
            yield self

        @pytest.mark.in_bridge
        async def test_method(self, myself, myself_later):
            assert self is myself is myself_later
    """
    outcomes(module, passed=1)


def test_one_async_fixture_serves_the_tests_of_each_plugin(outcomes):
    module = """
    @pytest.fixture
    async def loop():
        return asyncio.get_running_loop()

    @pytest.mark.in_bridge
    async def test_in_bridge(loop):
        assert asyncio.get_running_loop() is loop

    async def test_with_pytest_asyncio(loop):
        assert asyncio.get_running_loop() is loop
    """
    outcomes(module, passed=2)


def test_an_async_fixture_that_yields_twice_is_an_error(outcomes):
    module = """
    @pytest.fixture
    async def twice():
        yield 1
        yield 2

    @pytest.mark.in_bridge
    async def test_it(twice):
        pass
    """
    result = outcomes(module, passed=1, errors=1)
    result.stdout.fnmatch_lines(["*has more than one 'yield'*"])


def test_an_async_fixture_of_a_module_is_left_to_the_other_plugin(outcomes):
    module = """
    import pytest_asyncio

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def loop():
        return asyncio.get_running_loop()

    @pytest.mark.in_bridge
    async def test_it(loop):
        assert asyncio.get_running_loop() is not loop
    """
    outcomes(module, passed=1)


# --- Fake time ------------------------------------------------------------------------------------

FAKE_TIME = """
import time
import looptime
from aiopyramid_core import call_in_thread
from aiopyramid_core.testing import Bridge

@pytest.fixture
def bridge():
    with Bridge(looptime.new_event_loop) as bridge:
        yield bridge
"""


@pytest.fixture
def with_fake_time(outcomes):
    pytest.importorskip("looptime")

    def with_fake_time(module, **expected):
        return outcomes(FAKE_TIME + textwrap.dedent(module), **expected)

    return with_fake_time


def test_the_loop_may_be_one_on_which_nobody_waits(with_fake_time):
    module = """
    @pytest.mark.in_bridge
    async def test_an_hour():
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        assert asyncio.get_running_loop().time() - started == 3600

    @synchronize
    async def nap():
        await asyncio.sleep(86400)

    @pytest.mark.in_bridge
    def test_a_day():
        started = time.monotonic()
        nap()
        assert time.monotonic() - started < 3600
    """
    with_fake_time(module, passed=2)


def test_on_such_a_loop_a_thread_takes_its_time(with_fake_time):
    module = """
    @pytest.mark.in_bridge
    async def test_a_thread():
        async with asyncio.timeout(3600):
            await call_in_thread(None, time.sleep, 0.05)
    """
    with_fake_time(module, passed=1)


def test_at_the_end_of_such_a_loop_threads_are_waited_for(with_fake_time):
    module = """
    @pytest.mark.in_bridge
    async def test_a_thread():
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.2)
    """
    with_fake_time(module, passed=1)


def test_on_such_a_loop_a_time_limit_does_not_wait_for_a_socket(with_fake_time):
    module = """
    import socket

    @pytest.mark.in_bridge
    async def test_a_socket():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await asyncio.get_running_loop().sock_recv(ours, 1)
            assert time.monotonic() - started < 3600
    """
    with_fake_time(module, passed=1)


def test_the_clock_may_be_set_while_the_loop_runs(outcomes):
    pytest.importorskip("time_machine")
    module = """
    from datetime import UTC, datetime
    import time_machine

    @pytest.mark.in_bridge
    async def test_new_year():
        new_year = datetime(2030, 1, 1, tzinfo=UTC)
        with time_machine.travel(new_year, tick=False):
            await asyncio.sleep(0.01)
            assert datetime.now(UTC) == new_year
    """
    outcomes(module, passed=1)
