"""waiting_thread: a thread that waits for a coroutine does other work in the meantime."""

import asyncio
import queue
import threading
import time
from concurrent.futures import Future

import pytest

from aiopyramid_core import await_, call_in_thread, synchronize, use_executor
from aiopyramid_core._threads.waiting_thread import WaitingThread
from aiopyramid_core.servers import RequestExecutor

PATIENCE_SECONDS = 20


def test_a_waiting_thread_runs_what_it_is_offered_and_returns_its_result():
    thread, result = WaitingThread(), Future()
    ran_in = []

    def job():
        ran_in.append(threading.current_thread())
        result.set_result("done")

    assert thread.offer(job)
    assert thread.wait_for(result, None)
    assert result.result() == "done"
    assert ran_in == [threading.current_thread()]


def test_a_waiting_thread_does_not_raise_what_its_result_raises():
    result = Future()
    result.set_exception(LookupError("no such thing"))
    assert WaitingThread().wait_for(result, None)


def test_a_waiting_thread_gives_up_at_its_time():
    assert not WaitingThread().wait_for(Future(), time.monotonic() + 0.01)


def test_a_result_that_comes_with_the_deadline_is_in_time():
    class JustThen(queue.SimpleQueue):
        def get(self, timeout=None):
            result.set_result("done")
            raise queue.Empty

    thread, result = WaitingThread(), Future()
    thread._jobs = JustThen()
    assert thread.wait_for(result, time.monotonic())


def test_what_was_offered_in_time_is_done_before_the_end():
    thread, done = WaitingThread(), []
    assert thread.offer(lambda: done.append("late"))
    thread.end()
    assert done == ["late"]


def test_after_the_end_offers_are_declined():
    thread = WaitingThread()
    thread.end()
    assert not thread.offer(lambda: None)


def test_threads_that_all_wait_for_a_coroutine_do_not_keep_it_from_the_thread_it_needs(run):
    # Two threads, both of which wait for a coroutine that needs a third one.
    both_wait = threading.Barrier(2)

    @use_executor
    def blocking():
        return "got a thread"

    @synchronize
    async def needs_a_thread():
        return await blocking()

    def ordinary():
        both_wait.wait(PATIENCE_SECONDS)
        return needs_a_thread()

    async def main():
        asyncio.get_running_loop().set_default_executor(RequestExecutor(2))
        calls = (call_in_thread(None, ordinary) for _ in range(2))
        return await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_SECONDS)

    assert run(main) == ["got a thread"] * 2


def test_a_look_up_of_a_name_gets_a_thread_though_all_wait(run):
    # asyncio itself runs getaddrinfo in the default executor.
    async def look_up():
        loop = asyncio.get_running_loop()
        return bool(await loop.getaddrinfo("127.0.0.1", 80))

    def ordinary():
        return await_(look_up())

    async def main():
        asyncio.get_running_loop().set_default_executor(RequestExecutor(1))
        return await asyncio.wait_for(call_in_thread(None, ordinary), PATIENCE_SECONDS)

    assert run(main) is True


def test_an_error_in_work_for_another_reaches_who_asked_for_it(run):
    @use_executor
    def failing():
        raise LookupError("no such thing")

    @synchronize
    async def needs_a_thread():
        await failing()

    async def main():
        asyncio.get_running_loop().set_default_executor(RequestExecutor(1))
        with pytest.raises(LookupError, match="no such thing"):
            await asyncio.wait_for(call_in_thread(None, needs_a_thread), PATIENCE_SECONDS)

    run(main)
