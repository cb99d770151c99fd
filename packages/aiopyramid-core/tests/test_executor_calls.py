"""executor: call_off_loop, RequestExecutor and use_executor."""

import functools
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiopyramid_core import await_, call_in_thread, call_off_loop, spawn_greenlet, use_executor
from aiopyramid_core.servers import RequestExecutor


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
        yield pool


def thread_name():
    return threading.current_thread().name


# --- call_off_loop --------------------------------------------------------------------------------


def test_in_a_greenlet_a_blocking_call_goes_to_a_thread(run):
    async def main():
        return await spawn_greenlet(call_off_loop, threading.current_thread)

    assert run(main) is not threading.current_thread()


def test_without_a_loop_a_blocking_call_is_simply_made():
    assert call_off_loop(threading.current_thread) is threading.current_thread()


def test_in_an_executor_thread_a_blocking_call_stays_there(run):
    def ordinary():
        return threading.get_ident(), call_off_loop(threading.get_ident)

    async def main():
        return await call_in_thread(None, ordinary)

    here, there = run(main)
    assert here == there


def test_the_arguments_of_a_blocking_call_are_passed_on_everywhere(run):
    call = functools.partial(call_off_loop, dict, [("a", 1)], b=2)

    async def main():
        return await spawn_greenlet(call)

    assert run(main) == call() == {"a": 1, "b": 2}


# --- RequestExecutor ------------------------------------------------------------------------------


def test_calls_that_have_to_queue_are_reported_once_in_a_while(caplog):
    release = threading.Event()
    with RequestExecutor(1) as executor:
        for _ in range(3):
            executor.submit(release.wait, 30)
        release.set()
    (message,) = caplog.messages
    assert message.startswith("All 1 executor threads are busy, 1 calls wait in the queue:")


def test_calls_one_after_the_other_do_not_queue(caplog):
    with RequestExecutor(1) as executor:
        assert [executor.submit(abs, -1).result() for _ in range(5)] == [1] * 5
    assert caplog.messages == []


def test_a_call_that_could_not_be_submitted_does_not_count(caplog):
    executor = RequestExecutor(1)
    executor.shutdown()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="after shutdown"):
            executor.submit(abs, -1)
    assert executor._unfinished == 0


# --- use_executor ---------------------------------------------------------------------------------


def test_use_executor_makes_a_coroutine_function(run):
    @use_executor
    def add(a, *, b):
        return a + b, threading.current_thread()

    async def main():
        return await add(1, b=2)

    assert inspect.iscoroutinefunction(add)
    result, thread = run(main)
    assert result == 3
    assert thread is not threading.current_thread()


def test_use_executor_may_be_called_without_arguments(run):
    @use_executor()
    def add(a, b):
        return a + b

    async def main():
        return await add(1, 2)

    assert run(main) == 3


def test_use_executor_takes_a_pool(run, pool):
    @use_executor(executor=pool)
    def where():
        return thread_name()

    async def main():
        return await where()

    assert run(main) == "own_0"


def test_use_executor_keeps_the_name_and_the_documentation():
    @use_executor
    def documented():
        """Say what it does."""

    assert documented.__name__ == "documented"
    assert documented.__doc__ == "Say what it does."


def test_use_executor_makes_methods_of_methods(run):
    class Reader:
        @use_executor
        def read(self, path):
            return self, path

    async def main():
        reader = Reader()
        return await reader.read("x") == (reader, "x")

    assert run(main) is True


def test_synchronous_code_awaits_a_function_that_uses_the_executor(run):
    @use_executor
    def blocking():
        return threading.get_ident()

    async def main():
        return await spawn_greenlet(lambda: await_(blocking()))

    assert run(main) != threading.get_ident()
