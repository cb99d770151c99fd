"""The threads in which synchronous requests run, each from its first line to its last callback.

A pool of their own, apart from the event loop's default executor. Where they shared one, requests
that wait for ``asyncio.to_thread`` or for the look-up of a host name could hold all of its threads,
and wait for ever for one more.

At most so many threads *run* at a time. A thread that waits, for a coroutine or for a slow client,
is not counted as long as it does: it uses no processor, and what it waits for may need a thread.
As many threads again are kept in reserve for jobs that are to be preferred. Where all others wait
for a connection to a database, say, these are the jobs of those who have the connections.

The event loop gives out many requests at a time, and to wake a thread for each would cost more than
a short request takes. So it wakes one. This thread takes a request and, if there are more, wakes
the next thread before it begins. As long as its requests do not block, it is done with one after
the other while the next thread still waits for the interpreter; when one blocks, the next thread
goes on with the others.
"""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from .results import deliver

__all__ = (
    "DEFAULT_THREADS",
    "Job",
    "RequestThreads",
    "ThreadCounts",
    "forget_pool_of_this_thread",
    "paused",
)

_log = logging.getLogger("aiopyramid_core")

Job = Callable[[], None]
"""What a thread runs; it raises nothing."""

DEFAULT_THREADS: Final = 40
"""Most threads that run at a time where nobody says otherwise.

As in anyio, a number that a small machine bears and that covers what most sites with threaded
servers run with.
"""

_MOST_PER_RUNNING: Final = 10
"""How many threads there may be, waiting ones included, for each that may run.

A thread that waits in a view of Pyramid's depth takes some 150 KB, so that the default limit of 40
bounds them to 60 MB.
"""

_RESERVE: Final = 2
"""How many threads may run with those in reserve, for each that may run without."""

_WARNING_INTERVAL_SECONDS: Final = 1.0
"""A busy pool gets a request a millisecond; one warning a second is read, a thousand are not."""


class ThreadCounts(NamedTuple):
    """How busy the threads for synchronous requests are.

    Attributes:
        limit: Most threads that run at a time.
        running: How many run now.
        waiting: How many wait for a coroutine, or for a client, in the midst of a request.
        queued: How many requests wait for a thread.
    """

    limit: int
    running: int
    waiting: int
    queued: int


class RequestThreads:
    """A pool of threads for synchronous requests.

    Args:
        limit: Most threads that run at a time.

    Attributes:
        limit: See above; may be set at any time.
    """

    def __init__(self, limit: int = DEFAULT_THREADS) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._queue: deque[Job] = deque()
        self._preferred: deque[Job] = deque()
        self._ready: deque[Job] = deque()  # counted as running: the next free thread takes one
        self._one_is_coming = False  # a thread was woken, and has not taken one yet
        self._idle: list[_Thread] = []  # the last one to become idle is the first to work again
        self._running = 0
        self._waiting = 0
        self._closed = False
        self._warned_at = float("-inf")

    @property
    def counts(self) -> ThreadCounts:
        """How busy the threads are."""
        queued = len(self._queue) + len(self._preferred)
        return ThreadCounts(self.limit, self._running, self._waiting, queued)

    # --- Called on the event loop -------------------------------------------------------------

    def submit(self, job: Job, *, at_once: bool = False, preferred: bool = False) -> bool:
        """Have a thread run a job, as soon as fewer than ``limit`` do.

        Args:
            job: What to run.
            at_once: Whether the limit does not hold: for a job that others wait for, which may
                have taken all threads.
            preferred: Whether the threads in reserve may run it, and before others: for a job that
                others may wait for, or that takes no time.

        Returns:
            Whether the next free thread takes the job; if not, it waits in the queue until fewer
            threads run.

        Raises:
            RuntimeError: The process ends, or the system has no thread to give.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("The process ends: no request can begin any more.")
            if not at_once and not self._has_room(preferred=preferred):
                (self._preferred if preferred else self._queue).append(job)
                queued = self.counts.queued
            else:
                self._make_ready(job)
                queued = 0
        if queued:
            self._warn(queued)
            return False
        return True

    def withdraw(self, job: Job) -> bool:
        """Take back a job that waits in the queue.

        Returns:
            Whether it will not run.
        """
        with self._lock:
            for queue in (self._queue, self._preferred):
                with contextlib.suppress(ValueError):
                    queue.remove(job)
                    return True
        return False

    def run(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        *,
        at_once: bool = False,
        preferred: bool = False,
    ) -> "asyncio.Future[Any]":
        """Run a function in a thread of the pool.

        Args:
            loop: The running event loop.
            function: A callable that raises nothing.
            at_once: See :meth:`submit`.
            preferred: See :meth:`submit`.

        Returns:
            The function's result, to come. Cancelled before the function begins, it never does.
        """
        future = loop.create_future()

        def job() -> None:
            if not future.cancelled():
                deliver(loop, future, function())

        if not self.submit(job, at_once=at_once, preferred=preferred):
            future.add_done_callback(lambda done: done.cancelled() and self.withdraw(job))
        return future

    # --- Called in the threads ----------------------------------------------------------------

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The calling thread, one of the pool, only waits in the block: let another one run."""
        with self._lock:
            self._running -= 1
            self._waiting += 1
            job = self._next_in_queue()
            if job is not None:
                self._make_ready(job)
        try:
            yield
        finally:
            with self._lock:
                # There may be more than the limit for a moment. To wait here for others to end
                # would be to wait for threads that may wait for this one.
                self._running += 1
                self._waiting -= 1

    def first_job(self, thread: "_Thread") -> Job | None:
        """The thread was woken: return the job that it is to run, unless another one has it."""
        with self._lock:
            self._one_is_coming = False
            job = self._take_ready()
            if job is None:
                self._rest(thread)
            return job

    def next_job(self, thread: "_Thread") -> Job | None:
        """The thread has ended a job: return the next one, if there is any.

        Returns:
            The job; None if the thread is to wait until it is woken.
        """
        with self._lock:
            self._running -= 1
            # Also if others are ready: one of them may block, and nobody would look again.
            queued = self._next_in_queue()
            if queued is not None:
                self._running += 1
                self._ready.append(queued)
            job = self._take_ready()
            if job is None:
                self._rest(thread)
            return job

    # --- Private ------------------------------------------------------------------------------

    def _next_in_queue(self) -> Job | None:
        if self._preferred and self._has_room(preferred=True):
            return self._preferred.popleft()
        return self._queue.popleft() if self._queue and self._has_room() else None

    def _has_room(self, *, preferred: bool = False) -> bool:
        if self._running >= self.limit * (_RESERVE if preferred else 1):
            return False
        total = self._running + self._waiting + len(self._idle)
        return bool(self._idle) or total < self.limit * _MOST_PER_RUNNING

    def _make_ready(self, job: Job) -> None:
        self._running += 1
        self._ready.append(job)
        try:
            self._wake_one()
        except RuntimeError:  # the system has no more: the next thread that is free takes it
            if self._running == len(self._ready) and not self._waiting:
                self._ready.remove(job)
                self._running -= 1
                raise

    def _take_ready(self) -> Job | None:
        """Take a job, and have another thread come for the next one, should this one block."""
        if not self._ready:
            return None
        job = self._ready.popleft()
        if self._ready:
            with contextlib.suppress(RuntimeError):  # the system has no more
                self._wake_one()
        return job

    def _wake_one(self) -> None:
        if self._one_is_coming:
            return
        if self._idle:
            thread = self._idle.pop()
        else:
            thread = _Thread(self)
            thread.start()
        self._one_is_coming = True
        thread.inbox.put(True)

    def _rest(self, thread: "_Thread") -> None:
        if self._closed or len(self._idle) >= self.limit:
            thread.inbox.put(False)
        else:
            self._idle.append(thread)

    def _warn(self, queued: int) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._warned_at < _WARNING_INTERVAL_SECONDS:
                return
            self._warned_at = now
        _log.warning(
            "All %d threads for synchronous requests are busy, %d requests wait in the queue: make"
            " slow views coroutines, or raise aiopyramid.executor.max_workers",
            self.limit,
            queued,
        )

    def close(self) -> None:
        """Let no job begin any more; threads end when their requests have."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.inbox.put(False)


class _Thread(threading.Thread):
    """A thread of the pool.

    Attributes:
        inbox: Where a thread that is idle is told that there is a job, or False for its end.
    """

    def __init__(self, pool: RequestThreads) -> None:
        super().__init__(name=f"aiopyramid-request-{next(_numbers)}")
        self.inbox: SimpleQueue[bool] = SimpleQueue()
        self._pool = pool

    def run(self) -> None:
        """Run one job after the other."""
        _this_thread.pool = self._pool
        while self.inbox.get():
            job = self._pool.first_job(self)
            while job is not None:
                job()
                job = self._pool.next_job(self)


_numbers: Final = itertools.count()


class _ThisThread(threading.local):
    pool: RequestThreads | None = None


_this_thread = _ThisThread()


def forget_pool_of_this_thread() -> None:
    """The thread goes on in a forked child, and belongs to no pool there."""
    _this_thread.pool = None


def paused() -> contextlib.AbstractContextManager[None]:
    """Return a context manager for a block in which the calling thread only waits."""
    pool = _this_thread.pool
    return contextlib.nullcontext() if pool is None else pool.paused()
