"""A thread of a pool: it runs one job after the other, and sleeps when there is none."""

import contextlib
import itertools
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Protocol

__all__ = ("Job", "PoolThread", "forget_pool_of_this_thread", "paused")

Job = Callable[[], None]
"""A callable that a thread runs; it must not raise."""


class Pool(Protocol):
    """A pool, as its threads see it."""

    def first_job(self, thread: "PoolThread") -> Job | None:
        """Return the job of a thread that was woken; None if another thread has taken it."""

    def next_job(self, thread: "PoolThread") -> Job | None:
        """Return the next job of a thread that has finished one, if there is any."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Return a context manager for a block in which the calling thread only waits."""


class PoolThread(threading.Thread):
    """A thread of a pool.

    Args:
        pool: The pool.

    Attributes:
        inbox: Gets True when there is a job for the idle thread, or False to end it.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(name=f"aiopyramid-request-{next(_numbers)}")
        self.inbox: SimpleQueue[bool] = SimpleQueue()
        self._pool = pool

    def run(self) -> None:
        """Run jobs until the pool ends the thread."""
        pool = _this_thread.pool = self._pool
        while self.inbox.get():
            job = pool.first_job(self)
            while job is not None:
                job()
                job = pool.next_job(self)


_numbers: Final = itertools.count()


class _ThisThread(threading.local):
    pool: Pool | None = None


_this_thread = _ThisThread()


def forget_pool_of_this_thread() -> None:
    """Detach the calling thread, which continues in a forked child, from its pool."""
    _this_thread.pool = None


def paused() -> contextlib.AbstractContextManager[None]:
    """Return a context manager for a block in which the calling thread only waits."""
    pool = _this_thread.pool
    return contextlib.nullcontext() if pool is None else pool.paused()
