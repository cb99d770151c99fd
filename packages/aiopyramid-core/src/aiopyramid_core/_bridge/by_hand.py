"""Greenlets that synchronous code switches by hand, as was necessary before ``await_`` existed.

The documentation of aiopyramid 0.x calls a coroutine from synchronous code like this::

    this = getcurrent()
    future = asyncio.Future()
    task = asyncio.ensure_future(run_in_greenlet(this, future, coroutine_function))
    this.parent.switch(task)
    result = future.result()

A Task refuses a future that it is given like this, because no coroutine awaits it. Then the driver
of the greenlet awaits the future, and treats its result as the next value that the greenlet
switched up. In this way aiopyramid 0.x let a coroutine decide the fate of the greenlet:
``run_in_greenlet`` resumes it; the result of any other future is the result of the whole call, and
the greenlet is abandoned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, ParamSpec, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from .._callables import prepare_generators
from .pool import ENDED, BridgeGreenlet

__all__ = ("run_in_greenlet", "wait_by_hand")

P = ParamSpec("P")
T = TypeVar("T")

_RESUME: Final = object()
"""The result of a coroutine after which the greenlet that waits for it is to be resumed."""


async def run_in_greenlet(
    back: greenlet,
    future: "asyncio.Future[T]",
    function: Callable[P, Awaitable[T]] | Callable[P, Generator[Any, Any, T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Any:
    """Await a coroutine function for a greenlet that waits for it by hand.

    For code written for aiopyramid 0.x; new code uses :func:`~aiopyramid_core.await_`.

    Args:
        back: The greenlet that waits, ``greenlet.getcurrent()``.
        future: Receives the result, or the exception.
        function: A coroutine function or a generator function that delegates with
            ``yield from``.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        A value for the driver of ``back`` only.
    """
    prepare_generators(function)
    call: Callable[P, Any] = function
    try:
        result = await call(*args, **kwargs)
    except asyncio.CancelledError:
        future.cancel()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    if type(back) is BridgeGreenlet:
        # Its driver switches, so that it continues in its own Task and not in this one.
        return _RESUME
    return back.switch()


def wait_by_hand(
    worker: BridgeGreenlet, value: Any, failure: BaseException | None
) -> Generator[Any, Any, tuple[bool, Any]]:
    """Await a future that a greenlet has switched up by hand, then resume or end the greenlet.

    Args:
        worker: The greenlet; the caller is its driver.
        value: The value that it has switched up; anything but a future is invalid.
        failure: The exception with which the Task has refused the value, or the cancellation of
            the Task.

    Returns:
        False and the next value that the greenlet switched up, or True and the result of its call.
        In the second case the greenlet is dead.

    Raises:
        BaseException: Any exception of the future that the greenlet did not handle.
    """
    cancelled = isinstance(failure, asyncio.CancelledError)
    if asyncio.isfuture(value) and (cancelled or isinstance(failure, RuntimeError)):
        if cancelled:
            value.cancel()
        failure = None
        try:
            outcome = yield from value
        except BaseException as error:
            failure = error
    worker.parent = getcurrent()
    if failure is not None:
        try:
            return False, worker.throw(failure)
        finally:
            del failure  # breaks the cycle exception -> traceback -> this frame
    if outcome is _RESUME:
        return False, worker.switch()
    if outcome is ENDED or asyncio.isfuture(outcome):
        # The future's own coroutine has switched to the greenlet and received this from it.
        return False, outcome
    worker.throw(GreenletExit)
    return True, outcome
