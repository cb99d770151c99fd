"""pool: the pool in which synchronous requests run."""

import asyncio
import logging
import os
import re
import subprocess
import sys
import threading

import pytest

from aiopyramid_core import ThreadCounts, thread_counts
from aiopyramid_core._threads import pool as _request_threads
from aiopyramid_core._threads.of_process import request_threads
from aiopyramid_core._threads.pool import RequestThreads
from aiopyramid_core._threads.thread import PoolThread, paused

PATIENCE_SECONDS = 20


@pytest.fixture
def threads():
    """Make pools, whose threads end with the test."""
    pools = []

    def threads(limit):
        pools.append(RequestThreads(limit))
        return pools[-1]

    yield threads
    for pool in pools:
        pool.close()


class Busy:
    """A job that runs until it is released."""

    def __init__(self, work=lambda: None):
        self.begun, self.release, self.ended = (threading.Event() for _ in range(3))
        self.work = work

    def __call__(self):
        self.thread = threading.current_thread()
        self.begun.set()
        self.work()
        self.release.wait(PATIENCE_SECONDS)
        self.ended.set()

    def end(self):
        self.release.set()
        assert self.ended.wait(PATIENCE_SECONDS)


def begin(pool, job=None, **options):
    """Submit a job and wait until it runs."""
    job = job or Busy()
    assert pool.submit(job, **options)
    assert job.begun.wait(PATIENCE_SECONDS)
    return job


def settled(pool, counts):
    """Wait until a pool has given up the threads of jobs that have ended."""
    end = threading.Event()
    for _ in range(2000):
        if pool.counts == counts:
            return True
        end.wait(0.01)
    return False


# --- The limit ------------------------------------------------------------------------------------


def test_no_more_threads_run_than_the_limit_says_and_the_rest_queue(threads):
    pool = threads(2)
    first, second, third = begin(pool), begin(pool), Busy()
    assert not pool.submit(third)
    assert pool.counts == ThreadCounts(limit=2, running=2, waiting=0, queued=1)
    first.end()
    assert third.begun.wait(PATIENCE_SECONDS)
    assert pool.counts == ThreadCounts(limit=2, running=2, waiting=0, queued=0)
    second.end()
    third.end()
    assert settled(pool, ThreadCounts(2, 0, 0, 0))


def test_the_queue_is_served_in_its_order(threads):
    pool = threads(1)
    order = []
    first = begin(pool)
    for number in range(5):
        pool.submit(lambda number=number: order.append(number))
    last = Busy()
    pool.submit(last)
    first.end()
    assert last.begun.wait(PATIENCE_SECONDS)
    last.end()
    assert order == list(range(5))


def test_a_job_that_others_wait_for_gets_a_thread_however_many_are_busy(threads):
    pool = threads(1)
    first = begin(pool)
    urgent = begin(pool, at_once=True)
    assert pool.counts.running == 2
    urgent.end()
    first.end()
    assert settled(pool, ThreadCounts(1, 0, 0, 0))


def test_a_thread_that_waits_leaves_its_place_to_another(threads):
    pool = threads(1)
    go_on = threading.Event()

    def wait():
        with paused():
            go_on.wait(PATIENCE_SECONDS)

    waiting = begin(pool, Busy(wait))
    other = Busy()
    pool.submit(other)
    assert other.begun.wait(PATIENCE_SECONDS)
    assert pool.counts == ThreadCounts(limit=1, running=1, waiting=1, queued=0)
    go_on.set()  # it goes on at once: whom it would have to wait for may wait for it
    waiting.end()
    other.end()
    assert settled(pool, ThreadCounts(1, 0, 0, 0))


def test_threads_that_wait_are_bounded_too(threads, monkeypatch):
    monkeypatch.setattr(_request_threads, "_MOST_PER_RUNNING", 2)
    pool = threads(1)
    go_on = threading.Event()

    def wait():
        with paused():
            go_on.wait(PATIENCE_SECONDS)

    jobs = [Busy(wait) for _ in range(3)]
    for job in jobs:
        pool.submit(job)
    assert settled(pool, ThreadCounts(limit=1, running=0, waiting=2, queued=1))
    assert not jobs[2].begun.is_set()
    go_on.set()
    for job in jobs:
        assert job.begun.wait(PATIENCE_SECONDS)
        job.end()


def test_outside_of_the_pool_waiting_changes_nothing():
    with paused():
        assert request_threads().counts.waiting == 0


def test_a_thread_that_was_idle_works_again(threads):
    pool = threads(3)
    first = begin(pool)
    first.end()
    assert settled(pool, ThreadCounts(3, 0, 0, 0))
    second = begin(pool)
    second.end()
    assert first.thread is second.thread


def test_jobs_that_block_do_not_hold_up_those_that_came_with_them(threads):
    pool = threads(10)
    all_run = threading.Barrier(11)
    for _ in range(10):
        assert pool.submit(lambda: all_run.wait(PATIENCE_SECONDS))
    all_run.wait(PATIENCE_SECONDS)


def test_jobs_that_do_not_block_take_one_thread_together(threads):
    pool = threads(10)
    for job in [begin(pool), begin(pool)]:
        job.end()
    assert settled(pool, ThreadCounts(limit=10, running=0, waiting=0, queued=0))
    took, done = [], threading.Event()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE_SECONDS)  # no thread has to let go of the interpreter
    try:
        for _ in range(9):
            pool.submit(lambda: took.append(threading.current_thread()))
        pool.submit(done.set)
        assert done.wait(PATIENCE_SECONDS)
    finally:
        sys.setswitchinterval(interval)
    assert len(took) == 9
    assert len(set(took)) == 1


def test_threads_that_were_too_many_end(threads):
    pool = threads(1)
    jobs = [begin(pool, at_once=True) for _ in range(3)]
    for job in jobs:
        job.end()
    assert settled(pool, ThreadCounts(1, 0, 0, 0))
    for job in jobs[1:]:
        job.thread.join(PATIENCE_SECONDS)
    assert sum(job.thread.is_alive() for job in jobs) == 1


# --- Withdrawn and ended --------------------------------------------------------------------------


def test_a_job_that_was_withdrawn_never_runs(threads):
    pool = threads(1)
    first, withdrawn, third = begin(pool), Busy(), Busy()
    pool.submit(withdrawn)
    pool.submit(third)
    assert pool.withdraw(withdrawn)
    first.end()
    assert third.begun.wait(PATIENCE_SECONDS)
    third.end()
    assert not withdrawn.begun.is_set()


def test_a_job_that_has_begun_cannot_be_withdrawn(threads):
    pool = threads(1)
    job = begin(pool)
    assert not pool.withdraw(job)
    job.end()


def test_a_pool_that_is_closed_begins_nothing_more(threads):
    pool = threads(1)
    job = begin(pool)
    pool.close()
    with pytest.raises(RuntimeError, match="the process is exiting"):
        pool.submit(job)
    job.end()
    job.thread.join(PATIENCE_SECONDS)
    assert not job.thread.is_alive()


def test_a_future_that_is_cancelled_in_time_takes_its_function_back(run, threads):
    pool = threads(1)
    calls = []

    async def main():
        loop = asyncio.get_running_loop()
        blocker = begin(pool)
        future = pool.run(loop, lambda: calls.append(1))
        assert pool.counts.queued == 1
        future.cancel()
        await asyncio.sleep(0)
        assert pool.counts.queued == 0
        blocker.end()
        return await pool.run(loop, lambda: "next")

    assert run(main) == "next"
    assert calls == []


def test_where_the_system_has_no_thread_to_give_a_job_waits_for_one_that_is_there(
    threads, monkeypatch
):
    pool = threads(2)
    first, second = begin(pool), Busy()

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(PoolThread, "start", refuse)
    pool.submit(second)
    assert not second.begun.is_set()
    first.end()
    assert second.begun.wait(PATIENCE_SECONDS)
    second.end()


# --- What it says ---------------------------------------------------------------------------------


def test_the_warning_says_what_is_wrong_and_what_to_do(threads, caplog):
    pool = threads(1)
    job = begin(pool)
    pool.submit(lambda: None)
    pool.submit(lambda: None)  # within the same second
    job.end()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "All 1 threads for synchronous requests are busy, 1 requests wait in the queue: make slow"
        " views coroutines, or raise aiopyramid.executor.max_workers"
    )


def test_a_second_later_there_is_another_one(threads, caplog):
    pool = threads(1)
    job = begin(pool)
    pool.submit(lambda: None)
    pool._warned_at -= 1.0  # a second passes
    pool.submit(lambda: None)
    job.end()
    lengths = [re.search(r"(\d+) requests wait", text)[1] for text in caplog.messages]
    assert lengths == ["1", "2"]


def test_an_application_can_ask_how_busy_the_threads_are(monkeypatch):
    monkeypatch.setattr(request_threads(), "limit", 7)
    assert thread_counts() == ThreadCounts(limit=7, running=0, waiting=0, queued=0)


# --- Processes ------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_process_has_threads_of_its_own():
    code = (
        "import os, threading, warnings; warnings.simplefilter('ignore')\n"
        "from aiopyramid_core._threads.of_process import request_threads\n"
        "def once():\n"
        "    ended = threading.Event()\n"
        "    request_threads().submit(ended.set)\n"
        "    assert ended.wait(20)\n"
        "once()\n"
        "if (child := os.fork()) == 0:\n"
        "    once()\n"
        "    os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_the_process_ends_although_threads_are_idle():
    code = (
        "import threading, warnings; warnings.simplefilter('ignore')\n"
        "from aiopyramid_core._threads.of_process import request_threads\n"
        "ended = threading.Event()\n"
        "request_threads().submit(ended.set)\n"
        "assert ended.wait(20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_job_in_the_queue_does_not_wait_for_one_that_was_ready_before_it(threads):
    pool = threads(2)
    go_on = threading.Event()
    quick, ready, queued = Busy(lambda: go_on.wait(PATIENCE_SECONDS)), Busy(), Busy()
    quick.release.set()
    # The pool's only thread takes the first job, and no other thread comes for the second one.
    begin(pool, quick)
    pool._one_is_coming = True
    assert pool.submit(ready)
    assert not pool.submit(queued)
    pool._one_is_coming = False
    go_on.set()
    assert ready.begun.wait(PATIENCE_SECONDS)
    assert queued.begun.wait(PATIENCE_SECONDS / 2)  # while the other one runs
    ready.end()
    queued.end()


# --- The reserve ----------------------------------------------------------------------------------


def test_what_is_preferred_runs_in_a_reserve_when_all_others_are_busy(threads):
    pool = threads(1)
    busy, waiting, preferred = Busy(), Busy(), Busy()
    begin(pool, busy)
    assert not pool.submit(waiting)
    begin(pool, preferred, preferred=True)
    preferred.end()
    assert not waiting.begun.is_set()
    busy.end()
    assert waiting.begun.wait(PATIENCE_SECONDS)
    waiting.end()


def test_when_the_reserve_is_busy_as_well_what_is_preferred_is_next(threads):
    pool = threads(1)
    busy, in_reserve, waiting, preferred = (Busy() for _ in range(4))
    begin(pool, busy)
    begin(pool, in_reserve, preferred=True)
    assert not pool.submit(waiting)
    assert not pool.submit(preferred, preferred=True)
    assert pool.counts == ThreadCounts(limit=1, running=2, waiting=0, queued=2)
    in_reserve.end()
    assert preferred.begun.wait(PATIENCE_SECONDS)
    preferred.end()
    assert not waiting.begun.is_set()
    busy.end()
    assert waiting.begun.wait(PATIENCE_SECONDS)
    waiting.end()


def test_what_is_preferred_may_be_taken_back_while_it_waits(threads):
    pool = threads(1)
    busy, in_reserve, preferred = (Busy() for _ in range(3))
    begin(pool, busy)
    begin(pool, in_reserve, preferred=True)
    assert not pool.submit(preferred, preferred=True)
    assert pool.withdraw(preferred)
    assert not pool.withdraw(preferred)
    in_reserve.end()
    busy.end()
    assert not preferred.begun.is_set()
