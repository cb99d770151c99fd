"""from_thread: threads that wait for coroutines on the loop that started them."""

import asyncio
import concurrent.futures
import inspect
import threading
from contextvars import ContextVar

import pytest

from aiopyramid_core import await_, call_in_thread, can_await, spawn_greenlet, synchronize
from aiopyramid_core._bridge.from_thread import (
    DeadlineExceeded,
    ThreadScope,
    call_in_scope,
    loop_of_this_thread,
    uninterrupted,
    waiting_at_most,
)
from aiopyramid_core._threads.waiting_thread import WaitingThread

colour: ContextVar[str] = ContextVar("colour", default="none")


@synchronize
async def place():
    """Return where a coroutine runs that synchronous code called."""
    await asyncio.sleep(0)
    return threading.current_thread(), asyncio.get_running_loop()


def test_a_synchronized_call_in_a_thread_runs_on_the_thread_of_the_loop(run):
    async def main():
        return asyncio.get_running_loop(), await call_in_thread(None, place)

    loop, seen = run(main)
    assert seen == (threading.current_thread(), loop)


def test_a_coroutine_called_from_a_thread_runs_in_a_task(run):
    async def coroutine():
        async with asyncio.timeout(60):
            return asyncio.current_task() is not None

    async def main():
        return await call_in_thread(None, lambda: await_(coroutine()))

    assert run(main) is True


def test_synchronous_code_called_by_such_a_coroutine_may_wait_in_turn(run):
    def ordinary():
        return can_await(), place()

    async def coroutine():
        await asyncio.sleep(0)
        return ordinary()

    async def main():
        return await call_in_thread(None, lambda: await_(coroutine()))

    possible, (thread, _loop) = run(main)
    assert possible is True
    assert thread is threading.current_thread()


def test_threads_and_coroutines_may_call_each_other_to_any_depth(run):
    threads = []

    def ordinary(depth):
        threads.append(threading.get_ident())
        return depth if depth == 5 else await_(coroutine(depth))

    async def coroutine(depth):
        return await call_in_thread(None, ordinary, depth + 1)

    async def main():
        return await coroutine(0)

    assert run(main) == 5
    assert len(set(threads)) == 5  # each waits for the next one
    assert threading.get_ident() not in threads


def test_a_future_may_be_awaited_in_a_thread(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, "here")
        return await call_in_thread(None, await_, future)

    assert run(main) == "here"


def test_what_cannot_be_awaited_is_a_type_error_in_a_thread_too(run):
    async def main():
        with pytest.raises(TypeError, match=r"can't be (used in 'await'|awaited)"):
            await call_in_thread(None, await_, 5)

    run(main)


@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError(), BaseException("base")])
def test_what_the_coroutine_raises_reaches_the_thread(run, error):
    async def fail():
        raise error

    def ordinary():
        with pytest.raises(type(error)):
            await_(fail())
        return "handled"

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) == "handled"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_an_exit_out_of_a_coroutine_reaches_the_thread_and_does_not_end_the_loop(run, error):
    async def leave():
        await asyncio.sleep(0)
        raise error

    def ordinary():
        with pytest.raises(error):
            await_(leave())
        return place()

    async def main():
        return await call_in_thread(None, ordinary)

    thread, _loop = run(main)
    assert thread is threading.current_thread()


def test_a_coroutine_sees_the_context_variables_of_the_thread_and_changes_them(run):
    async def repaint():
        seen = colour.get()
        await asyncio.sleep(0)
        colour.set("blue")
        return seen

    def ordinary():
        colour.set("red")
        return await_(repaint()), colour.get()

    async def main():
        return *await call_in_thread(None, ordinary), colour.get()

    assert run(main) == ("red", "blue", "blue")


def test_what_a_coroutine_changed_before_it_failed_comes_back(run):
    async def repaint():
        colour.set("blue")
        raise KeyError

    def ordinary():
        with pytest.raises(KeyError):
            await_(repaint())
        return colour.get()

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) == "blue"


def test_an_event_loop_of_its_own_may_run_in_a_thread(run):
    async def main():
        def ordinary():
            async def own():
                return asyncio.get_running_loop() is not loop, await spawn_greenlet(place)

            return asyncio.run(own()), place()

        loop = asyncio.get_running_loop()
        return loop, await call_in_thread(None, ordinary)

    loop, ((different, (own_thread, own_loop)), (thread, outer_loop)) = run(main)
    assert different is True
    assert own_thread is not thread
    assert own_loop is not loop
    assert outer_loop is loop


def test_a_coroutine_on_a_loop_of_the_threads_own_cannot_wait_outside_of_a_greenlet(run):
    async def own():
        return can_await()

    async def main():
        return await call_in_thread(None, lambda: (asyncio.run(own()), can_await()))

    assert run(main) == (False, True)


def test_a_call_in_a_scope_leaves_it_even_when_the_call_fails():
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(KeyError):
            call_in_scope(ThreadScope(lambda: loop), {}.__getitem__, "missing")
        assert loop_of_this_thread() is None
    finally:
        loop.close()


def test_calls_in_scopes_may_be_nested():
    outer, inner = asyncio.new_event_loop(), asyncio.new_event_loop()

    def nested():
        within = call_in_scope(ThreadScope(lambda: inner), loop_of_this_thread)
        return within, loop_of_this_thread()

    try:
        assert call_in_scope(ThreadScope(lambda: outer), nested) == (inner, outer)
    finally:
        outer.close()
        inner.close()


def test_a_coroutine_that_a_closed_loop_cannot_run_is_closed(no_warnings):
    async def answer():
        return 42

    loop = asyncio.new_event_loop()
    loop.close()
    coroutine = answer()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        call_in_scope(ThreadScope(lambda: loop), await_, coroutine)
    del coroutine


# --- Cancellation ---------------------------------------------------------------------------------


def test_cancelling_the_caller_cancels_what_its_thread_waits_for(run):
    log = []

    async def main():
        began, ended = asyncio.Event(), asyncio.Event()

        async def coroutine():
            began.set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                log.append("cancelled")
                raise

        def ordinary():
            try:
                await_(coroutine())
            finally:
                loop.call_soon_threadsafe(ended.set)

        loop = asyncio.get_running_loop()
        task = asyncio.create_task(call_in_thread(None, ordinary))
        await began.wait()
        task.cancel()
        await asyncio.wait([task])
        await ended.wait()
        return task.cancelled()

    assert run(main) is True
    assert log == ["cancelled"]


def test_after_its_caller_was_cancelled_a_thread_cannot_wait_any_more(run):
    log = []

    async def main():
        began, ended, release = asyncio.Event(), asyncio.Event(), threading.Event()

        def ordinary():
            loop.call_soon_threadsafe(began.set)
            release.wait(30)
            try:
                await_(asyncio.sleep(0))
            except asyncio.CancelledError:
                log.append("cancelled")
            finally:
                loop.call_soon_threadsafe(ended.set)

        loop = asyncio.get_running_loop()
        task = asyncio.create_task(call_in_thread(None, ordinary))
        await began.wait()
        task.cancel()
        await asyncio.wait([task])
        release.set()
        await ended.wait()

    run(main)
    assert log == ["cancelled"]


# --- Limits ---------------------------------------------------------------------------------------


async def forever(log):
    log.append("began")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        log.append("ended")


def test_a_wait_beyond_the_limit_is_cancelled_and_raises(run):
    log = []

    def ordinary():
        while not log:  # until a coroutine has begun before its time is up
            with waiting_at_most(0.05), pytest.raises(DeadlineExceeded):
                await_(forever(log))

    async def main():
        await call_in_thread(None, ordinary)

    run(main)
    assert log == ["began", "ended"]


def test_so_are_the_coroutines_that_it_would_have_awaited(run, no_warnings):
    def ordinary():
        with waiting_at_most(0), pytest.raises(DeadlineExceeded):
            await_(asyncio.wait_for(asyncio.sleep(60), 60))

    async def main():
        await call_in_thread(None, ordinary)

    run(main)


def test_a_coroutine_that_had_no_time_to_begin_is_closed(run, no_warnings):
    def ordinary(coroutine):
        with waiting_at_most(0), pytest.raises(DeadlineExceeded):
            await_(coroutine)

    async def main():
        coroutine = forever([])
        await call_in_thread(None, ordinary, coroutine)
        return inspect.getcoroutinestate(coroutine)

    assert run(main) == inspect.CORO_CLOSED


def test_a_wait_within_the_limit_is_none_of_its_business(run):
    def ordinary():
        with waiting_at_most(60):
            return await_(asyncio.sleep(0, "in time"))

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) == "in time"


def test_a_result_that_comes_just_after_the_deadline_is_not_a_bare_timeout(run, monkeypatch):
    def too_late(thread, result, end):
        concurrent.futures.wait((result,))
        return False

    def ordinary():
        with waiting_at_most(60), pytest.raises(DeadlineExceeded):
            await_(asyncio.sleep(0, "late"))

    async def main():
        await call_in_thread(None, ordinary)

    monkeypatch.setattr(WaitingThread, "wait_for", too_late)
    run(main)


def test_a_timeout_of_the_coroutines_own_is_not_the_deadlines(run):
    async def own():
        raise TimeoutError("of the coroutine's own")

    def ordinary():
        with waiting_at_most(60), pytest.raises(TimeoutError, match="own") as caught:
            await_(own())
        return caught.type

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) is TimeoutError


def test_a_task_that_cannot_be_made_fails_in_the_thread_that_waits_for_it(run, no_warnings):
    def refuse(loop, coroutine, **kwargs):
        if coroutine.__name__ == "spawn_greenlet":
            raise LookupError("no task today")
        return asyncio.Task(coroutine, loop=loop, **kwargs)

    def ordinary(coroutine):
        with pytest.raises(LookupError, match="no task today"):
            await_(coroutine)

    async def main():
        coroutine = forever([])
        asyncio.get_running_loop().set_task_factory(refuse)
        await call_in_thread(None, ordinary, coroutine)
        return inspect.getcoroutinestate(coroutine)

    assert run(main) == inspect.CORO_CLOSED


def test_after_its_block_the_limit_is_lifted(run):
    def ordinary():
        with waiting_at_most(0):
            pass
        return await_(asyncio.sleep(0, "unhurried"))

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) == "unhurried"


# --- Uninterrupted --------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", [False, True])
def test_an_uninterrupted_wait_is_not_cancelled_and_the_next_one_is(run, nested):
    log = []

    async def main():
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def cancel_and_wait():
            task.cancel()
            await asyncio.sleep(0.01)
            log.append("uninterrupted")

        def ordinary():
            try:
                with uninterrupted():
                    if nested:
                        with uninterrupted():
                            pass
                    await_(cancel_and_wait())
                await_(asyncio.sleep(60))
            except asyncio.CancelledError:
                log.append("cancelled")
            finally:
                loop.call_soon_threadsafe(ended.set)

        task = asyncio.create_task(call_in_thread(None, ordinary))
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    run(main)
    assert log == ["uninterrupted", "cancelled"]


def test_an_uninterrupted_wait_has_no_limit_and_the_next_one_has(run):
    def ordinary():
        with waiting_at_most(0):
            with uninterrupted():
                waited = await_(asyncio.sleep(0.01, "uninterrupted"))
            with pytest.raises(DeadlineExceeded):
                await_(asyncio.sleep(60))
        return waited

    async def main():
        return await call_in_thread(None, ordinary)

    assert run(main) == "uninterrupted"


def test_outside_of_a_scope_uninterrupted_changes_nothing():
    with uninterrupted():
        assert loop_of_this_thread() is None
