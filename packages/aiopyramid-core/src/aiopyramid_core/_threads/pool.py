"""The threads for synchronous requests, each of which runs in one thread from start to end.

The pool is separate from the event loop's default executor. If they shared one, requests that wait
for ``asyncio.to_thread`` or for the look-up of a host name could hold all threads and wait forever
for one more.

A limit holds for the threads that *run* at the same time. A thread that waits for a coroutine or
for a slow client is not counted, since it uses no processor, and since the work that it waits for
may need a thread. As many threads again are kept in reserve for preferred jobs. For example, if all
other threads wait for a connection to a database, these are the jobs of the requests that hold the
connections.

The event loop submits many requests at a time, and to wake a thread for each would take longer than
a short request. So it wakes one. This thread takes a request and, if there are more, wakes the next
thread before it starts. As long as its requests do not block, it handles one after the other while
the next thread still waits for the interpreter. When one blocks, the next thread continues with the
others.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from .results import deliver
from .thread import Job, PoolThread

__all__ = ("DEFAULT_THREADS", "RequestThreads", "ThreadCounts")

_log = logging.getLogger("aiopyramid_core")

DEFAULT_THREADS: Final = 40
"""The default number of threads that may run at the same time.

The same as in anyio: a small machine can run as many, and most sites with threaded servers use
fewer.
"""

_MOST_PER_RUNNING: Final = 10
"""The number of threads that may exist, waiting ones included, for each that may run.

A thread that waits in a view of Pyramid takes about 150 KB, so that the default limit of 40 bounds
their memory to 60 MB.
"""

_RESERVE: Final = 2
"""The number of threads that may run, those in reserve included, for each that may run without
them.
"""

_WARNING_INTERVAL_SECONDS: Final = 1.0
"""The time between two warnings, since a busy pool may get a request every millisecond."""


class ThreadCounts(NamedTuple):
    """The use of the threads for synchronous requests.

    Attributes:
        limit: Most threads that run at a time.
        running: How many run now.
        waiting: How many wait for a coroutine or for a client during a request.
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
        self._ready: deque[Job] = deque()  # these count as running; the next free thread takes one
        self._one_is_coming = False  # a thread was woken, and has not taken one yet
        self._idle: list[PoolThread] = []  # the last one to become idle is the first to work again
        self._running = 0
        self._waiting = 0
        self._closed = False
        self._warned_at = float("-inf")

    @property
    def counts(self) -> ThreadCounts:
        """The use of the threads."""
        queued = len(self._queue) + len(self._preferred)
        return ThreadCounts(self.limit, self._running, self._waiting, queued)

    # --- Called on the event loop -------------------------------------------------------------

    def submit(self, job: Job, *, at_once: bool = False, preferred: bool = False) -> bool:
        """Have a thread run a job as soon as fewer than ``limit`` threads run.

        Args:
            job: The job to run.
            at_once: Whether to ignore the limit: for a job for which the requests in all threads
                may wait.
            preferred: Whether the threads in reserve may run it, before other jobs: for a job for
                which other requests may wait, or that takes very little time.

        Returns:
            Whether the next free thread takes the job; if not, it waits in the queue until fewer
            threads run.

        Raises:
            RuntimeError: The process is exiting, or the system cannot start a thread.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot start a request: the process is exiting")
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
        """Remove a job that waits in the queue.

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
            A future for the function's result. If it is cancelled before the function starts, the
            function is not called.
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
        """Let another thread run while the calling thread of the pool only waits in the block."""
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
                # More threads than the limit may run for a moment. This thread must not wait for
                # others to finish, because they may wait for this one.
                self._running += 1
                self._waiting -= 1

    def first_job(self, thread: PoolThread) -> Job | None:
        """Return the job of a thread that was woken; None if another thread has taken it."""
        with self._lock:
            self._one_is_coming = False
            job = self._take_ready()
            if job is None:
                self._rest(thread)
            return job

    def next_job(self, thread: PoolThread) -> Job | None:
        """Return the next job of a thread that has finished one, if there is any.

        Returns:
            The job; None if the thread must wait until it is woken.
        """
        with self._lock:
            self._running -= 1
            # Also if other jobs are ready, because one of them may block, and then the queue would
            # not be checked again.
            if (self._queue or self._preferred) and (queued := self._next_in_queue()) is not None:
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
        except RuntimeError:  # the system cannot start one; the next free thread takes the job
            if self._running == len(self._ready) and not self._waiting:
                self._ready.remove(job)
                self._running -= 1
                raise

    def _take_ready(self) -> Job | None:
        """Take a job, and wake another thread for the next one, in case this one blocks."""
        if not self._ready:
            return None
        job = self._ready.popleft()
        if self._ready:
            with contextlib.suppress(RuntimeError):  # the system cannot start one
                self._wake_one()
        return job

    def _wake_one(self) -> None:
        if self._one_is_coming:
            return
        if self._idle:
            thread = self._idle.pop()
        else:
            thread = PoolThread(self)
            thread.start()
        self._one_is_coming = True
        thread.inbox.put(True)

    def _rest(self, thread: PoolThread) -> None:
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
        """Accept no more jobs; threads end when their requests have finished."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.inbox.put(False)
