"""life: the loop that an application was loaded with, and the end of a process."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiopyramid_core._bridge import process_loop as _process_loop
from aiopyramid_core.servers import (
    RequestExecutor,
    finish_tasks,
    loop_of_loaded_application,
    use_loop,
)

logger = logging.getLogger("test")


@pytest.fixture
def loops(monkeypatch):
    """Make loops; afterwards this thread has none, the process forgets them, and all are closed."""
    monkeypatch.setattr(_process_loop, "_current", _process_loop._ProcessLoop([]))
    made = []

    def make():
        made.append(asyncio.new_event_loop())
        return made[-1]

    yield make
    asyncio.set_event_loop(None)
    for loop in made:
        loop.close()


def test_the_loop_that_the_application_got_is_found(loops):
    loop = loops()
    asyncio.set_event_loop(loop)
    assert loop_of_loaded_application() is loop


def test_there_need_not_be_one():
    asyncio.set_event_loop(None)
    assert loop_of_loaded_application() is None


def test_the_executor_that_the_application_has_set_is_kept(loops):
    before, loop = loops(), loops()
    before.set_default_executor(executor := ThreadPoolExecutor(1))
    use_loop(loop, before, threads=3)
    assert asyncio.get_event_loop() is loop
    assert loop._default_executor is executor


def test_otherwise_the_loop_gets_one_with_so_many_threads(loops):
    loop = loops()
    use_loop(loop, None, threads=3)
    executor = loop._default_executor
    assert (type(executor), executor._max_workers) == (RequestExecutor, 3)


def test_tasks_are_cancelled_and_may_clean_up(run, caplog):
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        await finish_tasks(logger)
        assert task.cancelled()

    run(main)
    assert (ended, caplog.text) == ([True], "")


def test_asynchronous_generators_are_closed(run):
    ended = []

    async def numbers():
        try:
            yield 1
        finally:
            ended.append(True)

    async def main():
        generator = numbers()
        await anext(generator)
        await finish_tasks(logger)
        assert ended == [True]

    run(main)


def test_a_task_that_refuses_is_named_and_not_waited_for(run, caplog, monkeypatch):
    monkeypatch.setattr("aiopyramid_core._serving.life.LAST_WORDS_SECONDS", 0.01)

    async def refuse(over):
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()

    async def main():
        task = asyncio.create_task(refuse(over := asyncio.Event()), name="the stubborn task")
        await asyncio.sleep(0)
        await finish_tasks(logger)
        over.set()
        await task

    run(main)
    assert "'the stubborn task' is still running after its cancellation" in caplog.text


BLOCKED = """
import logging, threading
from aiopyramid_core.servers import end_process_in
logging.basicConfig()
threading.Thread(target=threading.Event().wait, name="the blocked thread").start()
end_process_in(0, 7, logging.getLogger())
"""


def test_a_process_ends_although_a_thread_blocks():
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 7
    assert "without waiting any longer for its threads: the blocked thread" in ended.stderr
