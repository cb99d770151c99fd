"""Waiting in a plain thread for a coroutine that runs on an event loop in another thread."""

import asyncio
import concurrent.futures
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any, Final, ParamSpec, TypeVar

from .. import _observing
from .._coroutines import close, close_with_arguments
from .._threads.waiting_thread import WaitingThread, waiting_thread
from .carrying import bring_back, call_handling
from .driver import await_in_bridge, spawn_greenlet

__all__ = (
    "LAST_WORDS_SECONDS",
    "DeadlineExceeded",
    "ThreadScope",
    "await_in_thread",
    "call_in_scope",
    "cancel_what_this_thread_awaits",
    "loop_of_this_thread",
    "may_wait",
    "uninterrupted",
    "waiting_at_most",
)

P = ParamSpec("P")
T = TypeVar("T")

_Result = tuple[Any, BaseException | None]
"""A value or an exception. A name, because a function that is made in each call returns it."""


class ThreadScope:
    """A section of work in a thread on behalf of an event loop, which may wait for coroutines.

    Args:
        get_loop: Returns the event loop of another thread.

    Attributes:
        cancelled: Whether the next coroutine that the thread waits for is to be cancelled.
        is_uninterrupted: Whether that waits for the end of :func:`uninterrupted`.
    """

    __slots__ = ("_get_loop", "_task", "cancelled", "is_uninterrupted")

    def __init__(self, get_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._get_loop = get_loop
        self.cancelled = self.is_uninterrupted = False
        self._task: asyncio.Task[Any] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop to hand coroutines to."""
        return self._get_loop()

    @property
    def is_waiting(self) -> bool:
        """Whether the thread waits for a coroutine; read on the loop."""
        return self._task is not None and not self._task.done()

    def awaits(self, task: "asyncio.Task[Any]") -> None:
        """Record that the thread waits for a Task; called on the loop."""
        self._task = task
        if self.cancelled and not self.is_uninterrupted:
            self.cancelled = False
            task.cancel()

    def cancel(self) -> None:
        """Cancel the coroutine that the thread waits for, or the next one; called on the loop.

        As with a Task, only one wait is cancelled, so that ``finally`` clauses may await. A thread
        that does not wait cannot be stopped.
        """
        if self.is_waiting and not self.is_uninterrupted:
            assert self._task is not None
            self._task.cancel()
        else:
            self.cancelled = True


class _ThisThread(threading.local):
    scope: ThreadScope | None = None
    # The time limit of this thread's request, by time.monotonic. Not a context variable, because
    # background tasks, which inherit those, continue after the request.
    deadline: float | None = None


_this_thread = _ThisThread()


def _forget_in_child() -> None:
    _this_thread.scope = None
    waiting_thread.set(None)


# The loop on whose behalf a thread forked runs in the parent only.
os.register_at_fork(after_in_child=_forget_in_child)


def loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    """Return the event loop on whose behalf the calling thread works, or None."""
    scope = _this_thread.scope
    return None if scope is None else scope.loop


def may_wait() -> bool:
    """Return whether the calling thread works on behalf of an event loop."""
    return _this_thread.scope is not None


def cancel_what_this_thread_awaits() -> Callable[[], None]:
    """Return a function, to be called on the loop, that cancels the calling thread's wait.

    The thread works on behalf of an event loop; see :meth:`ThreadScope.cancel`.
    """
    scope = _this_thread.scope
    assert scope is not None
    return scope.cancel


def call_in_scope(
    scope: ThreadScope, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function that may wait for coroutines in this thread, by handing them to a loop.

    Not a context manager, which would take longer than all the rest of a short wait.
    """
    previous, _this_thread.scope = _this_thread.scope, scope
    try:
        return function(*args, **kwargs)
    finally:
        _this_thread.scope = previous


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the code below, in this thread, wait to the end although its request is cancelled.

    The cancellation, and the expiry of :func:`waiting_at_most`, take effect at the next wait after
    it.
    """
    scope, deadline = _this_thread.scope, _this_thread.deadline
    if scope is None or scope.is_uninterrupted:
        yield
        return
    scope.is_uninterrupted, _this_thread.deadline = True, None
    try:
        yield
    finally:
        scope.is_uninterrupted, _this_thread.deadline = False, deadline


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Limit all waits in this thread to ``seconds`` from now.

    Args:
        seconds: The time limit for the waits of the code below. A wait in progress when it expires
            is cancelled and raises :class:`DeadlineExceeded`.
    """
    previous, _this_thread.deadline = _this_thread.deadline, time.monotonic() + seconds
    try:
        yield
    finally:
        _this_thread.deadline = previous


class DeadlineExceeded(TimeoutError):
    """The limit of :func:`waiting_at_most`, and not another timeout, has expired."""


def await_in_thread(
    loop: asyncio.AbstractEventLoop, awaitable: Awaitable[T], context: Context | None = None
) -> T:
    """Run an awaitable on an event loop of another thread and wait for it in this one.

    The awaitable runs in a greenlet of the bridge, so that synchronous code which it calls may
    await in turn. It sees the context variables of this thread, and its changes are copied back.

    Args:
        loop: A running event loop of another thread.
        awaitable: The awaitable to wait for.
        context: The context to run it in. By default a copy of this thread's context, from which
            changes are copied back.

    Returns:
        The awaitable's result.

    Raises:
        DeadlineExceeded: The limit of :func:`waiting_at_most` was reached.
        BaseException: Any exception raised by the awaitable.
    """
    copied = context is None
    context = context or copy_context()
    handled = sys.exception()
    scope = _this_thread.scope
    finished: concurrent.futures.Future[Any] = concurrent.futures.Future()
    task: asyncio.Task[_Result] | None = None

    thread = WaitingThread()

    def run() -> _Result:
        token = waiting_thread.set(thread)
        try:
            return call_handling(handled, await_in_bridge, awaitable), None
        except (SystemExit, KeyboardInterrupt) as error:
            # Returned as a value, because raising it in a Task would stop the event loop.
            return None, error
        finally:
            waiting_thread.reset(token)

    def start() -> None:
        nonlocal task
        coroutine = spawn_greenlet(run)
        try:
            task = loop.create_task(coroutine, context=context)
        except BaseException as error:  # by a task factory of the application's
            coroutine.close()
            close(awaitable)
            finished.set_exception(error)
            return
        if scope is not None:
            scope.awaits(task)
        task.add_done_callback(finish)

    def finish(task: "asyncio.Task[Any]") -> None:
        # Not asyncio.run_coroutine_threadsafe, because that would run in a second copy of the
        # context, whose changes are out of reach.
        # If the Task was cancelled before it began; changes nothing else.
        close_with_arguments(awaitable)
        if task.cancelled():
            finished.set_exception(asyncio.CancelledError())
            return
        result, error = None, task.exception()
        if error is None:
            result, error = task.result()
        if error is None:
            finished.set_result(result)
        else:
            finished.set_exception(error)

    def cancel() -> None:
        if task is not None:
            task.cancel()

    observer = _observing.observer
    if observer is not None:
        observer.thread_wait_began(awaitable)
    try:
        loop.call_soon_threadsafe(start)
    except RuntimeError:  # the loop is closed
        close_with_arguments(awaitable)
        if observer is not None:
            observer.thread_wait_ended(awaitable)
        raise
    in_time = False
    try:
        in_time = thread.wait_for(finished, _this_thread.deadline)
    finally:
        if not in_time:  # or interrupted by a signal handler that raised (KeyboardInterrupt)
            loop.call_soon_threadsafe(cancel)
            concurrent.futures.wait((finished,), timeout=LAST_WORDS_SECONDS)
        thread.end()
        if observer is not None:
            observer.thread_wait_ended(awaitable)
        if copied:
            bring_back(context)
    if not in_time:
        raise DeadlineExceeded
    outcome: T = finished.result()
    return outcome


LAST_WORDS_SECONDS: Final = 1.0
"""How long a cancelled coroutine may take for its ``finally`` clauses before we go on."""
