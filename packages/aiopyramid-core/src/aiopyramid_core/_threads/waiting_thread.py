"""A thread that waits for a coroutine can run other calls in the meantime.

This prevents a deadlock. Synchronous views wait in threads of a pool for coroutines, and those may
need a thread of the same pool in turn, for a blocking call or for a look-up of a host name. With as
many such views as the pool has threads, all of them would wait forever. So when all its threads
are busy, the pool hands a call to the thread that waits for it, by way of the coroutine in between.
"""

import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from .thread import paused

__all__ = ("WaitingThread", "a_thread_waits", "waiting_thread")

Job = Callable[[], object]


class WaitingThread:
    """The calling thread, as long as it waits for one result."""

    __slots__ = ("_ended", "_jobs", "_lock")

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False

    def offer(self, job: Job) -> bool:
        """Let the thread run a job, which must not raise; return False if it no longer waits."""
        with self._lock:
            if self._ended:
                return False
            self._jobs.put(job)
            return True

    @property
    def waits(self) -> bool:
        """Whether the thread still waits."""
        return not self._ended

    def wait_for(self, result: "concurrent.futures.Future[Any]", end: float | None) -> bool:
        """Run jobs until the result arrives; called in the thread itself.

        Args:
            result: The future to wait for.
            end: When to give up, by ``time.monotonic``; None for never.

        Returns:
            Whether the result has arrived in time.
        """
        result.add_done_callback(lambda _: self._jobs.put(None))
        while not result.done():
            try:
                with paused():
                    job = self._jobs.get(
                        timeout=None if end is None else max(0.0, end - time.monotonic())
                    )
            except queue.Empty:
                break
            if job is not None:
                job()
        return result.done()

    def end(self) -> None:
        """Stop waiting, after running the jobs that were offered before."""
        with self._lock:
            self._ended = True
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job()


waiting_thread: Final[ContextVar[WaitingThread | None]] = ContextVar(
    "aiopyramid_waiting_thread", default=None
)
"""The thread that waits, or has waited, for the code that runs in this context."""


def a_thread_waits() -> bool:
    """Return whether a thread waits for the code that runs in this context."""
    thread = waiting_thread.get()
    return thread is not None and thread.waits
