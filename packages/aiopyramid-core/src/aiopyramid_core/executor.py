"""Running blocking code in threads, from coroutines and from ordinary code alike."""

import asyncio
import functools
import logging
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, ParamSpec, TypeVar, overload

from ._borders import bring_back, call_handling, reraise
from ._bridge import await_in_bridge, in_bridge
from ._callables import wrap_as
from ._portal import ThreadScope, serving
from ._sqlalchemy import await_in_sqlalchemy, in_sqlalchemy
from ._waiting import WaitingThread, waiting_thread

__all__ = (
    "DEFAULT_THREADS",
    "LastThreadExecutor",
    "RequestExecutor",
    "call_in_thread",
    "call_off_loop",
    "use_executor",
)

_log = logging.getLogger("aiopyramid_core")

P = ParamSpec("P")
T = TypeVar("T")


async def call_in_thread(
    executor: Executor | None, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a blocking function in a thread and await its result.

    The function sees the caller's context variables and Pyramid's thread-locals, and what it
    changes in them the caller sees afterwards. It may call synchronized coroutines: its thread
    then waits while the coroutine runs on the event loop.

    Args:
        executor: A thread pool, or None for the event loop's default executor.
        function: An ordinary callable.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        What ``function`` returned.

    Raises:
        BaseException: Whatever ``function`` raised.

    .. versionadded:: 1.0
    """
    loop = asyncio.get_running_loop()
    context = copy_context()
    handled = sys.exception()
    scope = ThreadScope(lambda: loop)

    def call() -> tuple[T | None, BaseException | None]:
        # The outcome travels as a value, because a future refuses to carry StopIteration, and
        # before Python 3.12 it is then never resolved at all (CPython issue 112182).
        try:
            with serving(scope):
                return call_handling(handled, function, *args, **kwargs), None
        except BaseException as error:
            return None, error

    result: Any
    try:
        result, error = await loop.run_in_executor(executor, context.run, call)
    except asyncio.CancelledError:
        # The thread goes on, but what it awaits need not.
        scope.cancel()
        raise
    bring_back(context)
    if error is None:
        return result  # type: ignore[no-any-return]
    try:
        reraise(error)
    finally:
        del error  # breaks the cycle exception -> traceback -> this frame


def call_off_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function from ordinary code such that it holds up no event loop.

    In a greenlet of the bridge the function runs in a thread while the greenlet waits. Elsewhere
    there is no event loop to hold up, and the function is simply called.

    Args:
        function: An ordinary callable.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        What ``function`` returned.

    Raises:
        BaseException: Whatever ``function`` raised.

    .. versionadded:: 1.0
    """
    if in_bridge():
        return await_in_bridge(call_in_thread(None, function, *args, **kwargs))
    if in_sqlalchemy():
        return await_in_sqlalchemy(call_in_thread(None, function, *args, **kwargs))
    return function(*args, **kwargs)


@overload
def use_executor(
    function: Callable[P, T], /, *, executor: Executor | None = None
) -> Callable[P, Coroutine[Any, Any, T]]: ...


@overload
def use_executor(
    *, executor: Executor | None = None
) -> Callable[[Callable[P, T]], Callable[P, Coroutine[Any, Any, T]]]: ...


def use_executor(
    function: Callable[..., Any] | None = None, /, *, executor: Executor | None = None
) -> Callable[..., Any]:
    """Turn a blocking function into a coroutine function that runs it in a thread.

    Works with and without arguments::

        @use_executor
        def read(path): ...

        @use_executor(executor=my_pool)
        def resize(image): ...

    Args:
        function: The function to decorate.
        executor: A thread pool, or None for the event loop's default executor.

    Returns:
        A coroutine function with the parameters of ``function``; see :func:`call_in_thread`.

    .. versionadded:: 1.0
    """
    if function is None:
        return functools.partial(use_executor, executor=executor)

    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        return await call_in_thread(executor, function, *args, **kwargs)

    return wrap_as(function, in_thread)


class RequestExecutor(ThreadPoolExecutor):
    """A thread pool that says in the log when calls have to queue.

    Args:
        max_workers: Most threads.

    .. versionadded:: 1.0
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
            fn: An ordinary callable.
            *args: Passed on to ``fn``.
            **kwargs: Passed on to ``fn``.

        Returns:
            The call's outcome, to come.

        Raises:
            RuntimeError: The pool was shut down.

        .. versionadded:: 1.0
        """
        with self._count_lock:
            self._unfinished += 1
            queued = self._unfinished - self._limit
        if queued > 0 and (thread := waiting_thread.get()) is not None:
            # See there: without this, threads of this pool could wait for each other for ever.
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
    """Runs calls in the one thread that is left when a process ends, and waits for its last words.

    From Python 3.12 on no thread can be started by then. The thread runs one call at a time.

    Args:
        thread: The thread that waits.

    .. versionadded:: 1.0
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
            RuntimeError: The thread waits no more: the process has ended.

        .. versionadded:: 1.0
        """
        future: Future[T] = Future()
        job = functools.partial(_settle, future, fn, args, kwargs)
        # The last thread may itself be in a call that waits for this one.
        waiting = waiting_thread.get()
        if not (waiting is not None and waiting.offer(job)) and not self._last_thread.offer(job):
            raise RuntimeError("The process has ended: there is no thread left for this call.")
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


DEFAULT_THREADS: Final = 40
"""Most threads of an executor where nobody says otherwise.

As in anyio, a number that a small machine bears and that covers what most sites with threaded
servers run with.

.. versionadded:: 1.0
"""

_WARNING_INTERVAL_SECONDS: Final = 1.0
"""A busy executor gets a call a millisecond; one warning a second is read, a thousand are not."""
