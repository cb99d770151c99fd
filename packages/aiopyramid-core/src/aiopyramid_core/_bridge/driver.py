"""The greenlet bridge: synchronous code in a greenlet waits for awaitables of the event loop.

This module switches greenlets. In addition, ``_server_greenlets`` does so for servers that create
greenlets of their own, and ``by_hand`` for code written for aiopyramid 0.x. ``pool`` creates and
keeps the greenlets of the bridge.

Two parties share a stack of frames::

    asyncio Task ── driver (``_drive``) ══ switch ══ bridge greenlet ── synchronous code
                                                                   └── ``await_(coroutine)``

``await_`` runs the coroutine *in the greenlet*, by sending into it (a trampoline), and switches
up only the bare futures that the coroutine yields. The driver, which runs inside the request's
Task, yields those futures to the event loop and sends the results back down. Therefore:

* synchronous code that the coroutine calls is still in the greenlet and may call ``await_`` again,
  to any depth;
* the coroutine runs in the request's own Task: ``asyncio.current_task()``, ``asyncio.timeout()``,
  task groups and cancellation work as anywhere else;
* no Task is made per call.

A bridge greenlet switches up one of two things to its driver: ``ENDED`` when its call has ended, or
a value to be yielded to the event loop.
"""

import sys
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, ParamSpec, TypeVar

from greenlet import GreenletExit, getcurrent

from .by_hand import wait_by_hand
from .carrying import call_handling, reraise
from .pool import ENDED, BridgeGreenlet, park, take_idle

P = ParamSpec("P")
T = TypeVar("T")


def in_bridge() -> bool:
    """Return whether the caller runs in a bridge greenlet, where ``await_in_bridge`` works."""
    return type(getcurrent()) is BridgeGreenlet


# --- The driver's side: runs in the event loop's Task ---------------------------------------------


@types.coroutine
def _drive(worker: BridgeGreenlet, signal: Any) -> Generator[Any, Any, Any]:
    """Follow a call in a greenlet, yielding the values that it switches up to the event loop.

    Args:
        worker: The greenlet, which was switched to with the call.
        signal: The value that came back from that switch.
    """
    while signal is not ENDED:
        if worker.dead:
            raise signal if isinstance(signal, GreenletExit) else GreenletExit()
        failure: BaseException | None = None
        try:
            value = yield signal
        except BaseException as error:
            failure = error
        if failure is not None and _is_switched_by_hand(worker):
            # The Task refuses a future that synchronous code has switched up, because no coroutine
            # awaits it. So this costs nothing where the coroutines wait.
            ended, signal = yield from wait_by_hand(worker, signal, failure)
            if ended:
                return signal
            continue
        # The greenlet must switch to the greenlet that has resumed the driver.
        worker.driver = getcurrent()
        # Resume it outside of the except clause. Otherwise the exception would still count as being
        # handled (sys.exception(), __context__) in the resumed code.
        if failure is None:
            signal = worker.switch(value)
        else:
            try:
                signal = worker.throw(failure)
            finally:
                del failure  # breaks the cycle exception -> traceback -> this frame
    return _outcome(worker)


def _is_switched_by_hand(worker: BridgeGreenlet) -> bool:
    """Return whether synchronous code has switched the greenlet, and not a coroutine's ``yield``.

    A coroutine that yields a bare future is wrong, and the Task raises an error in it.
    """
    frame = worker.gr_frame
    return frame is not None and frame.f_code is not await_in_bridge.__code__


def _outcome(worker: BridgeGreenlet) -> Any:
    """Return the result, or raise the error, of a greenlet whose call has ended, and park it."""
    result, error = worker.result, worker.error
    park(worker)
    if error is None:
        return result
    try:
        reraise(error)
    finally:
        del error  # breaks the cycle exception -> traceback -> this frame


async def spawn_greenlet(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a synchronous function in a greenlet where it may call synchronized coroutines.

    Use this in a coroutine to call synchronous code which in turn calls coroutines. The function
    runs at once, on the event loop's own thread, and sees the context variables of the caller. The
    caller sees the changes that it makes to them.

    Args:
        function: A synchronous callable. It must not block: use
            :func:`~aiopyramid_core.use_executor` for code that does.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.

    Raises:
        BaseException: Any exception raised by ``function``.
    """
    worker = take_idle()
    # The very Context object that is current, not a copy: greenlet's own attribute is the only
    # way to get hold of it before Python 3.12.
    worker.gr_context = getcurrent().gr_context
    handled = sys.exception()
    if handled is None:
        call: tuple[Any, ...] = (function, args, kwargs)
    else:
        call = (call_handling, (handled, function, *args), kwargs)
    signal = worker.switch(call)
    # Calls that never wait need no generator to follow them.
    result: T = _outcome(worker) if signal is ENDED else await _drive(worker, signal)
    return result


async def step_in_greenlets(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine so that synchronous code which it calls may call synchronized coroutines.

    For long-lived coroutines that wait most of the time: each of their steps runs in a greenlet,
    but they do not hold one while they wait. A waiting greenlet costs 17 KB.

    Args:
        coroutine: The coroutine; it runs in the Task of the caller.

    Returns:
        The coroutine's result.

    Raises:
        BaseException: Any exception raised by the coroutine.
    """
    return await _step_in_greenlets(coroutine)


@types.coroutine
def _step_in_greenlets(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    failure: BaseException | None = None
    value: Any = None
    while True:
        worker = take_idle()
        worker.gr_context = getcurrent().gr_context
        try:
            signal = worker.switch((_step, (coroutine, value, failure), {}))
        finally:
            failure = None  # breaks the cycle exception -> traceback -> this frame
        # Most steps end without a wait in synchronous code, so there is nothing to follow.
        if signal is ENDED:
            ended, value = _outcome(worker)
        else:
            ended, value = yield from _drive(worker, signal)
        if ended:
            result: T = value
            return result
        try:
            value = yield value
        except BaseException as error:
            failure = error


def _step(
    coroutine: Coroutine[Any, Any, Any], value: Any, failure: BaseException | None
) -> tuple[bool, Any]:
    """Resume a coroutine; return whether it has ended, and its result or the yielded value."""
    try:
        if failure is not None:
            return False, coroutine.throw(failure)
        return False, coroutine.send(value)
    except StopIteration as stop:
        return True, stop.value
    finally:
        del failure  # breaks the cycle exception -> traceback -> this frame


async def run_in_task(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine of a Task that this package creates; see :func:`step_in_greenlets`.

    Raises:
        RuntimeError: The coroutine raised ``SystemExit`` or ``KeyboardInterrupt``. In a Task these
            would stop the event loop, and with it all requests.
        BaseException: Any other exception raised by the coroutine.
    """
    try:
        return await step_in_greenlets(coroutine)
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__} in a background task") from error


# --- The greenlet's side: runs below synchronous code ---------------------------------------------


def await_in_bridge(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable from synchronous code that runs in a bridge greenlet.

    Args:
        awaitable: A coroutine, a future or any object with ``__await__``.

    Returns:
        The awaitable's result.

    Raises:
        BaseException: Any exception raised by the awaitable; ``asyncio.CancelledError`` if the Task
            was cancelled.
    """
    coroutine = _as_coroutine(awaitable)
    del awaitable
    failure: BaseException | None = None
    thrown: BaseException | None = None
    handled: BaseException | None = None
    try:
        signal = coroutine.send(None)
        while True:
            try:
                value = getcurrent().driver.switch(signal)
            except BaseException as error:
                failure = error
            if failure is None:
                signal = coroutine.send(value)
            else:
                # Outside of the except clause, for the reason given in the driver.
                thrown, failure = failure, None
                if thrown.__context__ is None and (handled := sys.exception()) is not thrown:
                    # As if the exception had been raised here. throw() sets the context only if
                    # the clause that handles another exception is in the coroutine itself.
                    thrown.__context__ = handled
                signal = coroutine.throw(thrown)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        # Breaks the cycle exception -> traceback -> this frame.
        failure = thrown = handled = None


def _as_coroutine(awaitable: Awaitable[T]) -> Coroutine[Any, Any, T]:
    if type(awaitable) is types.CoroutineType:
        return awaitable
    return _await(awaitable)


async def _await(awaitable: Awaitable[T]) -> T:
    """Await anything that ``await`` accepts; Python itself checks what that is."""
    return await awaitable
