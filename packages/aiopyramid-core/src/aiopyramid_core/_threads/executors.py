"""Thread pools for an event loop's default executor.

It runs the functions that coroutines call with ``asyncio.to_thread`` or ``use_executor``, and
functions for which the loop itself needs a thread, such as the look-up of a host name. Synchronous
requests run in :mod:`aiopyramid_core._threads.pool`.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from .waiting_thread import WaitingThread, waiting_thread

__all__ = ("LastThreadExecutor", "RequestExecutor")

_log = logging.getLogger("aiopyramid_core")

P = ParamSpec("P")
T = TypeVar("T")


class RequestExecutor(ThreadPoolExecutor):
    """A thread pool that logs a warning when calls have to queue.

    Args:
        max_workers: The maximum number of threads.
    """

    def __init__(self, max_workers: int) -> None:
        super().__init__(max_workers, thread_name_prefix="aiopyramid")
        self._limit = max_workers
        self._count_lock = threading.Lock()
        self._unfinished = 0
        self._warned_at = float("-inf")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Schedule a call; see :meth:`concurrent.futures.Executor.submit`.

        Args:
            fn: A synchronous callable.
            *args: Passed on to ``fn``.
            **kwargs: Passed on to ``fn``.

        Returns:
            The future of the call.

        Raises:
            RuntimeError: The pool was shut down.
        """
        with self._count_lock:
            self._unfinished += 1
            queued = self._unfinished - self._limit
        if queued > 0 and (thread := waiting_thread.get()) is not None:
            # See there: without this, threads of this pool could wait for each other forever.
            future: Future[T] = Future()
            future.add_done_callback(self._finished)
            if thread.offer(functools.partial(_settle, future, fn, args, kwargs)):
                return future
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._finished(None)
            raise
        future.add_done_callback(self._finished)
        if queued > 0:
            self._warn(queued)
        return future

    def _finished(self, _future: "Future[Any] | None") -> None:
        with self._count_lock:
            self._unfinished -= 1

    def _warn(self, queued: int) -> None:
        now = time.monotonic()
        with self._count_lock:
            if now - self._warned_at < _WARNING_INTERVAL_SECONDS:
                return
            self._warned_at = now
        _log.warning(
            "All %d executor threads are busy, %d calls wait in the queue: make slow views"
            " coroutines, or raise aiopyramid.executor.max_workers",
            self._limit,
            queued,
        )


class LastThreadExecutor(ThreadPoolExecutor):
    """Runs calls in the one thread that is left when a process exits and waits for its loop.

    From Python 3.12 on, no thread can be started by then. The thread runs one call at a time.

    Args:
        thread: The thread that waits.
    """

    def __init__(self, thread: WaitingThread) -> None:
        super().__init__(max_workers=1)  # a loop accepts no other kind; it starts no thread
        self._last_thread = thread

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Schedule a call; see :meth:`concurrent.futures.Executor.submit`.

        Args:
            fn: The function to call.
            *args: Passed on to ``fn``.
            **kwargs: Passed on to ``fn``.

        Returns:
            The future of the call.

        Raises:
            RuntimeError: The thread no longer waits, because the process has ended.
        """
        future: Future[T] = Future()
        job = functools.partial(_settle, future, fn, args, kwargs)
        # The last thread may itself be in a call that waits for this one.
        waiting = waiting_thread.get()
        if not (waiting is not None and waiting.offer(job)) and not self._last_thread.offer(job):
            raise RuntimeError("cannot call a function in a thread: the process has exited")
        return future


def _settle(future: "Future[Any]", fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Run a call and give its outcome to a future, as a thread of a pool does."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


_WARNING_INTERVAL_SECONDS: Final = 1.0
"""The minimum time between warnings, since a busy executor may get a call every millisecond."""
