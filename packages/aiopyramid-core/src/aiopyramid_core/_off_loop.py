"""Calls in threads, for which a greenlet or a coroutine waits.

The state of the calling thread is carried to the other one: context variables, exception states,
and the permission to wait for coroutines.
"""

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, copy_context
from typing import Any, Final, Generic, ParamSpec, TypeVar

from . import _observing
from ._bridge.carrying import bring_back, call_handling, reraise
from ._bridge.driver import await_in_bridge, in_bridge, spawn_greenlet
from ._bridge.from_thread import ThreadScope, uninterrupted
from ._bridge.sqlalchemy import await_in_sqlalchemy, call_serving, can_switch, in_sqlalchemy
from ._isolation.scope import CoroutineRequestScope, clean_up_here, current_scope
from ._threads.of_process import request_threads
from ._threads.results import deliver
from ._threads.waiting_thread import waiting_thread
from .awaiting import await_

__all__ = (
    "Call",
    "Outcome",
    "PendingOutcome",
    "call_elsewhere",
    "call_in_request_thread",
    "finish_transaction",
    "in_thread_of_request",
    "off_loop",
)

P = ParamSpec("P")
T = TypeVar("T")

Outcome = tuple[Any, BaseException | None]
"""The value that a function returned, or the exception that it raised.

The exception is passed as a value because a future refuses StopIteration; before Python 3.12 such a
future is never resolved (CPython issue 112182).
"""

PendingOutcome = Awaitable[Outcome]
"""The outcome of a call in another thread.

A name, because functions that are made in each request have it in their annotations, which Python
evaluates each time.
"""

Call = Callable[[], Outcome]


async def call_elsewhere(
    loop: asyncio.AbstractEventLoop,
    start: Callable[[Call], PendingOutcome],
    function: Callable[[], T],
) -> T:
    """Run a function in a thread, as described for :func:`call_in_thread`.

    Args:
        loop: The running event loop.
        start: Runs a call in a thread; returns an awaitable for its outcome.
        function: The function to run.
    """
    if (observer := _observing.observer) is not None:
        function = _observing.observed_call(observer, function)
    context = copy_context()
    handled = sys.exception()
    scope = ThreadScope(lambda: loop)
    is_abandoned = False

    def call() -> Outcome:
        try:
            return call_serving(scope, call_handling, handled, function), None
        except BaseException as error:
            return None, error
        finally:
            if is_abandoned:
                clean_up_here()

    try:
        result, error = await start(functools.partial(context.run, call))
    except asyncio.CancelledError:
        # The thread continues, but the coroutines that it awaits are cancelled. Its request will
        # have ended when it writes anything.
        is_abandoned = True
        scope.cancel()
        raise
    bring_back(context)
    if error is None:
        return result  # type: ignore[no-any-return]
    try:
        reraise(error)
    finally:
        del error  # breaks the cycle exception -> traceback -> this frame


async def call_in_request_thread(function: Callable[[], T], *, at_once: bool) -> T:
    """Run a function in a thread for synchronous requests.

    Args:
        function: The function to run.
        at_once: Whether it gets a thread even if all are busy.
    """
    loop = asyncio.get_running_loop()
    preferred = _has_had_thread()

    def start(call: Call) -> PendingOutcome:
        outcome: asyncio.Future[Outcome]
        waiting = waiting_thread.get()
        if waiting is not None:
            # On behalf of a synchronous request, whose code all runs in its own thread.
            outcome = loop.create_future()
            if waiting.offer(lambda: deliver(loop, outcome, call())):
                return outcome
        try:
            outcome = request_threads().run(loop, call, at_once=at_once, preferred=preferred)
        except RuntimeError:
            # The process is exiting. The loop's executor can use the thread that is left.
            outcome = loop.run_in_executor(None, call)
        return _to_the_end(outcome) if at_once else outcome

    return await call_elsewhere(loop, start, function)


def _has_had_thread() -> bool:
    """Return whether the request, if it is a coroutine request, has had a thread before."""
    scope = current_scope.get()
    if type(scope) is not CoroutineRequestScope:
        return False
    had, scope.has_had_thread = scope.has_had_thread, True
    return had


async def _to_the_end(outcome: "asyncio.Future[T]") -> T:
    """Wait for a result even if cancelled in the meantime, and raise the cancellation afterwards.

    Otherwise one thread could abort a transaction that another thread is committing.
    """
    cancelled: asyncio.CancelledError | None = None
    while not outcome.done():
        try:
            await asyncio.wait((outcome,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        try:
            if not outcome.cancelled():
                outcome.exception()  # otherwise asyncio would report that nothing has seen it
            raise cancelled
        finally:
            del cancelled  # breaks the cycle exception -> traceback -> this frame
    return outcome.result()


def off_loop(function: Callable[[], T], *, at_once: bool) -> T:
    """Call a blocking function from synchronous code without holding up an event loop.

    Args:
        function: The function to call.
        at_once: Whether it gets a thread even if all are busy, and even a cancelled request waits
            for it. For a call, such as the end of a transaction, for which the requests in all
            threads may wait.
    """
    if in_bridge():
        return await_in_bridge(call_in_request_thread(function, at_once=at_once))
    if in_sqlalchemy():
        return await_in_sqlalchemy(call_in_request_thread(function, at_once=at_once))
    return function()


def finish_transaction(function: Callable[[], T], *, awaits: bool, postpones: bool = False) -> T:
    """Call a function that ends a transaction, from synchronous code and even if cancelled.

    A cancellation of the request takes effect afterwards. Otherwise the outcome of a commit would
    be unknown, and of several databases some could have committed and others not. In a thread, the
    cancellation is raised by the next wait, otherwise at the end of the call.

    Args:
        function: A synchronous callable.
        awaits: Whether it awaits and does not block. If so, it runs on the event loop in a Task of
            its own, otherwise in a thread, even if all are busy. In a thread it is called directly.
        postpones: Whether a function that awaits on the event loop also leaves the cancellation to
            the next wait, because its caller has more to do.

    Returns:
        The return value of ``function``.

    Raises:
        BaseException: Any exception raised by ``function``; ``asyncio.CancelledError`` if the
            request was cancelled in the meantime.
    """
    if not can_switch():
        with uninterrupted():
            return function()
    if not awaits:
        return off_loop(function, at_once=True)
    if (task := _finishing.get()) is not None and task is asyncio.current_task():
        return function()
    return await_(_CallToTheEnd(function).result(postpones=postpones))


_finishing: Final[ContextVar["asyncio.Task[Any] | None"]] = ContextVar(
    "aiopyramid_finishing", default=None
)
"""The Task in which the end of a transaction runs; also in the contexts of tasks that it starts."""


class _CallToTheEnd(Generic[T]):
    """A call in a Task of its own, for which a Task waits that may be cancelled in the meantime.

    This wakes the waiting Task itself: ``asyncio.wait()`` would take as long as all of the rest.

    Args:
        function: A synchronous callable, which may await.
    """

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()
        self._outcome: Outcome | None = None
        self._woken: asyncio.Future[None] | None = None

    async def _run(self) -> None:
        _finishing.set(asyncio.current_task())
        try:
            self._outcome = await spawn_greenlet(self._function), None
        except BaseException as error:
            self._outcome = None, error
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def result(self, *, postpones: bool) -> T:
        """Return the result, or raise the error, of the call.

        Args:
            postpones: Whether a cancellation is raised by the next wait instead of here.
        """
        cancelled: asyncio.CancelledError | None = None
        error: BaseException | None = None
        task = self._loop.create_task(self._run())
        try:
            while self._outcome is None:
                self._woken = self._loop.create_future()
                try:
                    await self._woken
                except asyncio.CancelledError as raised:
                    if task.done() and self._outcome is None:
                        raise  # all tasks are cancelled, and that one had not begun
                    cancelled = raised
            result, error = self._outcome
            if cancelled is not None and not postpones:
                raise cancelled
            if cancelled is not None and (waiting := asyncio.current_task()) is not None:
                waiting.uncancel()  # so that it is not counted twice
                waiting.cancel(*cancelled.args)
            if error is not None:
                raise error
            return result  # type: ignore[no-any-return]
        finally:
            # Breaks the cycle exception -> traceback -> this frame.
            del task, cancelled, error
            self._outcome = None


def in_thread_of_request(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that a coroutine can call on behalf of a synchronous request.

    Such a coroutine, an asynchronous tween for example, runs on the event loop while the thread of
    its request waits. The code that it calls in turn, everything below the tween, belongs in that
    thread.

    Args:
        function: A callable that Pyramid passes to the application.
    """

    @functools.wraps(function)
    def function_in_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        if waiting_thread.get() is None:
            return function(*args, **kwargs)
        return off_loop(functools.partial(function, *args, **kwargs), at_once=False)

    return function_in_thread
