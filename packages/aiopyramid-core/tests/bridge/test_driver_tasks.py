"""driver: the current task, cancellation, and closing."""

import asyncio

import pytest

from aiopyramid_core import await_, spawn_greenlet


async def forever():
    await asyncio.get_running_loop().create_future()


async def raised_by(task):
    """Return the exception with which a task ended."""
    await asyncio.wait([task])
    return asyncio.CancelledError() if task.cancelled() else task.exception()


# --- The current task -----------------------------------------------------------------------------


def test_a_coroutine_runs_in_the_task_of_its_caller_from_its_first_line(run):
    async def coroutine():
        before = asyncio.current_task()
        await asyncio.sleep(0)
        return before, asyncio.current_task()

    async def main():
        return asyncio.current_task(), *await spawn_greenlet(lambda: await_(coroutine()))

    outside, before, after = run(main)
    assert outside is before is after


def test_a_timeout_works_in_a_coroutine(run):
    async def coroutine():
        try:
            async with asyncio.timeout(0):
                await forever()
        except TimeoutError:
            return "timed out"

    async def main():
        return await spawn_greenlet(lambda: await_(coroutine()))

    assert run(main) == "timed out"


def test_a_timeout_around_synchronous_code_interrupts_the_wait_below(run):
    async def coroutine():
        try:
            async with asyncio.timeout(0):
                await_(forever())
        except TimeoutError:
            return "timed out"

    async def main():
        return await spawn_greenlet(lambda: await_(coroutine()))

    assert run(main) == "timed out"


def test_a_task_group_works_in_a_coroutine(run):
    async def child(number):
        await asyncio.sleep(0)
        return number

    async def coroutine():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child(number)) for number in range(3)]
        return [task.result() for task in tasks]

    async def main():
        return await spawn_greenlet(lambda: await_(coroutine()))

    assert run(main) == [0, 1, 2]


def test_the_failure_of_a_child_cancels_what_the_task_group_waits_for(run):
    async def fail():
        raise ValueError

    async def coroutine():
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await_(forever())

    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            await spawn_greenlet(lambda: await_(coroutine()))
        return [type(error) for error in caught.value.exceptions]

    assert run(main) == [ValueError]


# --- Cancellation ---------------------------------------------------------------------------------


def test_cancellation_reaches_the_awaiting_code_and_its_finally_clauses(run):
    log = []

    async def coroutine(waiting):
        try:
            waiting.set()
            await forever()
        except asyncio.CancelledError:
            log.append("coroutine")
            raise

    def ordinary(waiting):
        try:
            await_(coroutine(waiting))
        finally:
            log.append("ordinary")

    async def main():
        waiting = asyncio.Event()
        task = asyncio.create_task(spawn_greenlet(ordinary, waiting))
        await waiting.wait()
        task.cancel()
        return type(await raised_by(task))

    assert run(main) is asyncio.CancelledError
    assert log == ["coroutine", "ordinary"]


def test_cleaning_up_after_a_cancellation_may_wait(run):
    log = []

    async def clean_up():
        await asyncio.sleep(0)
        log.append("cleaned up")

    def ordinary(waiting):
        try:
            waiting.set()
            await_(forever())
        finally:
            await_(clean_up())

    async def main():
        waiting = asyncio.Event()
        task = asyncio.create_task(spawn_greenlet(ordinary, waiting))
        await waiting.wait()
        task.cancel()
        await raised_by(task)
        return task.cancelled()

    assert run(main) is True
    assert log == ["cleaned up"]


def test_a_cancellation_that_synchronous_code_handles_does_not_cancel_the_task(run):
    def ordinary(waiting):
        try:
            waiting.set()
            await_(forever())
        except asyncio.CancelledError:
            return "stayed"

    async def main():
        waiting = asyncio.Event()
        task = asyncio.create_task(spawn_greenlet(ordinary, waiting))
        await waiting.wait()
        task.cancel()
        return await task

    assert run(main) == "stayed"


def test_closing_runs_the_finally_clauses_below(bare):
    log = []

    def ordinary():
        try:
            await_(bare("waiting"))
        except GeneratorExit:
            log.append("closed")
            raise

    coroutine = spawn_greenlet(ordinary)
    coroutine.send(None)
    coroutine.close()
    assert log == ["closed"]


def test_dropping_a_suspended_coroutine_closes_it(bare):
    log = []

    def ordinary():
        try:
            await_(bare("waiting"))
        finally:
            log.append("closed")

    coroutine = spawn_greenlet(ordinary)
    coroutine.send(None)
    del coroutine
    assert log == ["closed"]


def test_waiting_on_while_being_closed_is_an_error_as_in_any_coroutine(bare):
    def ordinary():
        try:
            await_(bare("waiting"))
        finally:
            await_(bare("waiting still"))

    coroutine = spawn_greenlet(ordinary)
    coroutine.send(None)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        coroutine.close()
    coroutine.close()
