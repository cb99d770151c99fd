"""executor.finish_transaction: the end of a transaction, also if its request is cancelled."""

import asyncio
import threading

import pytest

from aiopyramid_core import await_, call_in_thread, spawn_greenlet
from aiopyramid_core.executor import finish_transaction


class Work:
    """Something that must not be left half done, and that waits in between."""

    def __init__(self):
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.log = []

    def do(self):
        self.log.append("began")
        self.began.set()
        await_(self.may_end.wait())
        self.log.append("ended")
        return "result"


async def cancel(work, function):
    """Cancel a Task that is at work in a greenlet, let it continue, and return the Task."""
    task = asyncio.ensure_future(spawn_greenlet(function))
    await work.began.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    work.may_end.set()
    await asyncio.wait((task,))
    return task


def test_a_cancellation_is_raised_afterwards(run):
    async def main():
        work = Work()

        def function():
            finish_transaction(work.do, awaits=True)
            work.log.append("never")

        task = await cancel(work, function)
        return task.cancelled(), work.log

    assert run(main) == (True, ["began", "ended"])


def test_or_by_the_next_wait(run):
    async def main():
        work = Work()

        def function():
            work.log.append(finish_transaction(work.do, awaits=True, postpones=True))
            try:
                await_(asyncio.sleep(60))
            finally:
                work.log.append("cancelled")

        task = await cancel(work, function)
        return task.cancelled(), work.log

    assert run(main) == (True, ["began", "ended", "result", "cancelled"])


def test_a_time_limit_around_it_is_recognised_as_such(run):
    async def main():
        async def ends_too_late():
            try:
                async with asyncio.timeout(0.01):
                    finish_transaction(
                        lambda: await_(asyncio.sleep(0.05)), awaits=True, postpones=True
                    )
                    await asyncio.sleep(60)
            except TimeoutError:
                return asyncio.current_task().cancelling()

        return await spawn_greenlet(await_, ends_too_late())

    assert run(main) == 0


@pytest.mark.parametrize("postpones", [False, True])
def test_an_error_is_raised(run, postpones):
    def fail():
        raise LookupError

    async def main():
        with pytest.raises(LookupError):
            await spawn_greenlet(finish_transaction, fail, awaits=True, postpones=postpones)

    run(main)


def test_within_another_one_it_needs_no_task(run):
    tasks = []

    def inner():
        tasks.append(asyncio.current_task())

    def outer():
        tasks.append(asyncio.current_task())
        finish_transaction(inner, awaits=True)

    async def main():
        await spawn_greenlet(finish_transaction, outer, awaits=True)
        return asyncio.current_task()

    task = run(main)
    assert tasks[0] is tasks[1]
    assert tasks[0] is not task


def test_a_task_that_is_started_within_is_not_taken_for_it(run):
    async def main():
        work = Work()

        def start():
            started.append(
                asyncio.ensure_future(spawn_greenlet(finish_transaction, work.do, awaits=True))
            )

        started = []
        await spawn_greenlet(finish_transaction, start, awaits=True)
        (task,) = started
        await work.began.wait()
        task.cancel()
        await asyncio.sleep(0)
        work.may_end.set()
        await asyncio.wait((task,))
        return work.log

    assert run(main) == ["began", "ended"]


def test_a_call_that_has_not_begun_when_all_tasks_are_cancelled_never_begins(run, no_warnings):
    async def main():
        work = Work()
        task = asyncio.ensure_future(spawn_greenlet(finish_transaction, work.do, awaits=True))
        await asyncio.sleep(0)
        for each in asyncio.all_tasks() - {asyncio.current_task()}:
            each.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait((task,))
        return task.cancelled(), work.log

    assert run(main) == (True, [])


def test_in_a_thread_it_is_called_there(run):
    async def main():
        def call():
            return (
                finish_transaction(threading.current_thread, awaits=True)
                is threading.current_thread()
            )

        return await call_in_thread(None, call)

    assert run(main) is True


def test_a_function_that_blocks_gets_a_thread(run):
    async def main():
        return await spawn_greenlet(finish_transaction, threading.current_thread, awaits=False)

    assert run(main) is not threading.current_thread()
