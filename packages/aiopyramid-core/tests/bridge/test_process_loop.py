"""process_loop: the one event loop of a process, adopted or our own."""

import asyncio
import contextvars
import gc
import logging
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from aiopyramid_core import await_
from aiopyramid_core import run as run_script
from aiopyramid_core._bridge import process_loop as _process_loop


@pytest.fixture
def own():
    """A loop of our own that the rest of the process does not use."""
    own = _process_loop._ProcessLoop([])
    yield own
    if own._thread is not None and own._thread.is_alive():
        own.stop()
    gc.collect()  # objects left by a failed test must warn here


async def place():
    return asyncio.get_running_loop(), threading.current_thread()


def execute(program):
    """Run a program in a process of its own and return what it printed."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.stderr == ""
    return finished.stdout.split()


def test_the_loop_runs_in_a_daemon_thread_of_its_own(own):
    loop = own.get()
    seen, thread = asyncio.run_coroutine_threadsafe(place(), loop).result(30)
    assert seen is loop
    assert thread.name == "aiopyramid-loop"
    assert thread.daemon is True


def test_the_loop_is_its_threads_current_one(own):
    async def current():
        return asyncio.get_event_loop()

    loop = own.get()
    assert asyncio.run_coroutine_threadsafe(current(), loop).result(30) is loop


def test_a_loop_of_our_own_runs_as_soon_as_it_is_given():
    # Once would be no proof: a thread may or may not have got so far.
    loops = [_process_loop._ProcessLoop([]) for _ in range(100)]
    try:
        assert [each.get().is_running() for each in loops] == [True] * 100
    finally:
        for each in loops:
            each.stop()


def test_the_loop_keeps_nothing_of_the_request_that_needed_it_first(own):
    def start():
        held = Held()
        ContextVar("held").set(held)
        own.get()
        return weakref.ref(held)

    held = contextvars.Context().run(start)
    gc.collect()
    assert held() is None


class Held:
    """Something that a request has in a context variable."""


def test_threads_that_ask_at_the_same_time_get_the_same_loop(own):
    barrier = threading.Barrier(8, timeout=30)

    def ask():
        barrier.wait()
        return own.get()

    with ThreadPoolExecutor(8) as pool:
        loops = {future.result() for future in [pool.submit(ask) for _ in range(8)]}
    assert len(loops) == 1


def test_the_start_of_the_loop_is_logged_once(own, caplog):
    caplog.set_level(logging.INFO, "aiopyramid_core")
    own.get()
    own.get()
    (message,) = caplog.messages
    assert message.startswith(
        "This server has no event loop: coroutines run on one in the thread aiopyramid-loop ("
    )


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_that_wants_the_process_to_exit_does_not_end_the_loop_of_all_others(own, error):
    ended = threading.Event()

    async def leave():
        raise error

    async def start():
        task = asyncio.create_task(leave())
        task.add_done_callback(lambda task: task.exception())
        task.add_done_callback(lambda _: ended.set())

    asyncio.run_coroutine_threadsafe(start(), own.get()).result(30)
    assert ended.wait(30)
    assert asyncio.run_coroutine_threadsafe(place(), own.get()).result(30)[1] is own._thread


def test_stopping_cancels_what_still_runs_and_waits_for_it(own):
    log = []

    async def endless():
        try:
            started.set()
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    started = threading.Event()
    loop = own.get()
    future = asyncio.run_coroutine_threadsafe(endless(), loop)
    assert started.wait(30)
    own.stop()
    assert log == ["cleaned up"]
    assert loop.is_closed()
    assert future.cancelled()


def test_it_stops_though_its_thread_has_been_given_another_loop(own):
    async def forget():
        asyncio.set_event_loop(None)

    loop = own.get()
    asyncio.run_coroutine_threadsafe(forget(), loop).result(30)
    own.stop()
    assert loop.is_closed()


def test_stopping_closes_asynchronous_generators(own):
    log = []

    async def endless():
        try:
            while True:
                yield
        finally:
            log.append("closed")

    async def begin():
        await anext(generator)

    generator = endless()
    asyncio.run_coroutine_threadsafe(begin(), own.get()).result(30)
    own.stop()
    assert log == ["closed"]


def test_a_loop_that_was_never_started_may_be_stopped(own):
    own.stop()
    assert own._thread is None


def test_stopping_again_changes_nothing(own):
    loop = own.get()
    own.stop()
    own.stop()
    assert loop.is_closed()


def test_a_function_before_the_stop_runs_while_other_tasks_still_run(own):
    log = []

    async def endless():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            log.append("cancelled")

    async def begin():
        log.append(asyncio.create_task(endless()))
        await asyncio.sleep(0)

    async def before_stop():
        await asyncio.sleep(0)
        log.append("before")

    asyncio.run_coroutine_threadsafe(begin(), own.get()).result(30)
    own.before_stop.append(before_stop)
    own.stop()
    assert log[1:] == ["before", "cancelled"]


def test_a_failure_before_the_stop_does_not_prevent_it(own):
    async def fail():
        raise ValueError

    own.before_stop.append(fail)
    loop = own.get()
    own.stop()
    assert loop.is_closed()


def test_an_adopted_loop_is_the_loop(own):
    with asyncio.Runner() as runner:
        own.adopt(runner.get_loop())
        assert own.get() is runner.get_loop()


def test_after_an_adopted_loop_was_closed_there_is_one_of_our_own(own):
    loop = asyncio.new_event_loop()
    own.adopt(loop)
    loop.close()
    assert own.get() is not loop
    assert own.get().is_running()


def test_stopping_leaves_an_adopted_loop_alone(own):
    with asyncio.Runner() as runner:
        own.adopt(runner.get_loop())
        own.stop()
        assert runner.run(asyncio.sleep(0, "it runs")) == "it runs"


def test_a_loop_of_our_own_is_stopped_though_another_was_adopted_since(own):
    first = own.get()
    with asyncio.Runner() as runner:
        own.adopt(runner.get_loop())
        own.stop()
        assert runner.run(asyncio.sleep(0, "it runs")) == "it runs"
    assert first.is_closed()


def test_the_process_has_one_loop_for_all_threads():
    def ask(_):
        return run_script(await_, place())

    with ThreadPoolExecutor(4) as pool:
        places = set(pool.map(ask, range(4)))
    ((loop, _thread),) = places
    assert loop is _process_loop.process_loop()


def test_a_process_that_used_the_loop_ends_and_cleans_up():
    assert execute("""
import asyncio, aiopyramid_core

async def endless():
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        print("cleaned up")

async def begin():
    global task
    task = asyncio.create_task(endless())
    await asyncio.sleep(0)

aiopyramid_core.run(aiopyramid_core.await_, begin())
print("end of main")
""") == ["end", "of", "main", "cleaned", "up"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this platform")
def test_a_forked_child_has_a_loop_of_its_own():
    assert execute("""
import asyncio, os, sys, aiopyramid_core

async def place():
    return asyncio.get_running_loop(), os.getpid()

def run():
    return aiopyramid_core.run(aiopyramid_core.await_, place())

loop, _ = run()
child = os.fork()
if child == 0:
    childs_loop, pid = run()
    print("child", childs_loop is not loop, pid == os.getpid(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("parent", run() == (loop, os.getpid()), flush=True)
""") == ["child", "True", "True", "parent", "True"]
