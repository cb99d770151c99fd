"""driver: start_greenlet, which makes a Task only for what waits."""

import asyncio
import inspect
from contextvars import ContextVar

import pytest

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core._bridge.driver import start_greenlet

colour: ContextVar[str] = ContextVar("colour", default="none")


async def forever():
    await asyncio.get_running_loop().create_future()


async def raised_by(task):
    """Return the exception with which a task ended."""
    await asyncio.wait([task])
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def test_no_task_is_made_for_a_function_that_does_not_wait(run):
    log = []

    async def main():
        return start_greenlet(asyncio.get_running_loop(), log.append, "ran")

    assert run(main) is None
    assert log == ["ran"]


def test_what_a_function_raises_before_its_first_wait_is_raised_to_the_server(run):
    async def main():
        with pytest.raises(ZeroDivisionError):
            start_greenlet(asyncio.get_running_loop(), divmod, 1, 0)

    run(main)


def test_a_task_is_made_at_the_first_wait_and_carries_the_result(run):
    async def coroutine():
        await asyncio.sleep(0)
        return "result"

    async def main():
        task = start_greenlet(asyncio.get_running_loop(), lambda: await_(coroutine()))
        assert isinstance(task, asyncio.Future)
        return await task

    assert run(main) == "result"


def test_what_a_function_raises_after_its_first_wait_is_in_the_task(run):
    def ordinary():
        await_(asyncio.sleep(0))
        raise ValueError("late")

    async def main():
        task = start_greenlet(asyncio.get_running_loop(), ordinary)
        return str(await raised_by(task))

    assert run(main) == "late"


def test_the_task_exists_before_the_first_step_of_the_coroutine(run):
    async def coroutine():
        return asyncio.current_task()

    def in_callback(loop, started):
        started.set_result(start_greenlet(loop, lambda: await_(coroutine())))

    async def main():
        loop = asyncio.get_running_loop()
        started = loop.create_future()
        loop.call_soon(in_callback, loop, started)
        task = await started
        return task, await task

    task, seen = run(main)
    assert task is seen


def test_one_task_serves_all_the_waits_of_a_function(run):
    async def coroutine():
        await asyncio.sleep(0)
        return asyncio.current_task()

    async def main():
        loop = asyncio.get_running_loop()
        return set(await start_greenlet(loop, lambda: [await_(coroutine()) for _ in range(5)]))

    assert len(run(main)) == 1


def test_a_started_function_has_a_context_of_its_own_a_copy_of_the_callers(run):
    seen = []

    async def coroutine():
        seen.append(colour.get())

    def ordinary():
        seen.append(colour.get())
        colour.set("blue")
        await_(coroutine())

    async def main():
        colour.set("red")
        await start_greenlet(asyncio.get_running_loop(), ordinary)
        return colour.get()

    assert run(main) == "red"
    assert seen == ["red", "blue"]


def test_a_task_cancelled_before_its_first_step_unwinds_the_function(run):
    log = []

    def ordinary(future):
        try:
            await_(future)
        finally:
            log.append("finally")

    async def main():
        loop = asyncio.get_running_loop()
        task = start_greenlet(loop, ordinary, loop.create_future())
        task.cancel()
        return type(await raised_by(task))

    assert run(main) is asyncio.CancelledError
    assert log == ["finally"]


def test_a_coroutine_that_never_began_is_closed_when_its_task_is_cancelled(run, no_warnings):
    async def main():
        coroutine = forever()
        task = start_greenlet(asyncio.get_running_loop(), await_, coroutine)
        task.cancel()
        await raised_by(task)
        return inspect.getcoroutinestate(coroutine)

    assert run(main) == inspect.CORO_CLOSED


def test_cleaning_up_after_the_earliest_cancellation_may_wait(run):
    log = []

    async def clean_up():
        log.append(asyncio.current_task())
        await asyncio.sleep(0)

    def ordinary(future):
        try:
            await_(future)
        finally:
            await_(clean_up())

    async def main():
        loop = asyncio.get_running_loop()
        task = start_greenlet(loop, ordinary, loop.create_future())
        task.cancel()
        await raised_by(task)
        return task

    task = run(main)
    assert log == [task]
    assert task.cancelled()


def test_a_greenlet_may_be_started_by_a_coroutine_that_runs_in_a_greenlet(run):
    async def coroutine():
        task = start_greenlet(asyncio.get_running_loop(), await_, asyncio.sleep(0, "inner"))
        return await task

    async def main():
        return await spawn_greenlet(lambda: await_(coroutine()))

    assert run(main) == "inner"
