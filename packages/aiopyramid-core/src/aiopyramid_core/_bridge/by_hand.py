"""Greenlets that synchronous code switches by hand, as it had to before there was ``await_``.

The documented way of earlier versions to call a coroutine from synchronous code::

    this = getcurrent()
    future = asyncio.Future()
    task = asyncio.ensure_future(run_in_greenlet(this, future, coroutine_function))
    this.parent.switch(task)
    result = future.result()

A future switched up like that is awaited by the greenlet's driver, and its result counts as what
the greenlet has switched up next. That is how those versions let a coroutine decide what becomes
of the greenlet: ``run_in_greenlet`` resumes it; the result of any other future is the result of
the whole call, and the greenlet is given up.
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
"""The result of a coroutine after which the greenlet that waits for it shall go on."""


async def run_in_greenlet(
    back: greenlet,
    future: "asyncio.Future[T]",
    function: Callable[P, Awaitable[T]] | Callable[P, Generator[Any, Any, T]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Any:
    """Await a coroutine function for a greenlet that waits for it by hand.

    For code of earlier versions; new code says :func:`~aiopyramid_core.await_`.

    Args:
        back: The greenlet that waits, ``greenlet.getcurrent()``.
        future: Receives the result, or the exception.
        function: A coroutine function or a generator function that delegates with
            ``yield from``.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        Nothing of use to anybody but the driver of ``back``.
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
        # Its driver switches, such that it goes on in its own Task and not in this one.
        return _RESUME
    return back.switch()


def wait_by_hand(
    worker: BridgeGreenlet, future: "asyncio.Future[Any]"
) -> Generator[Any, Any, tuple[bool, Any]]:
    """Await a future that a greenlet has switched up by hand, then resume or end the greenlet.

    Args:
        worker: The greenlet; the caller is its driver.
        future: What it has switched up.

    Returns:
        False and what the greenlet has switched up next, or True and the result of its call,
        after which the greenlet is dead.

    Raises:
        BaseException: What the future raised, unless the greenlet went on in spite of it.
    """
    failure: BaseException | None = None
    try:
        if not worker.in_task:
            yield None  # answered by the first step of a Task
            worker.in_task = True
        outcome = yield from future
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
        # The future's own coroutine has switched to the greenlet, and has got this back.
        return False, outcome
    worker.throw(GreenletExit)
    return True, outcome
