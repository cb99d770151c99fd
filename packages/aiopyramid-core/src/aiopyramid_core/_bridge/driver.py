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
from typing import Any, Final, ParamSpec, TypeVar

from greenlet import GreenletExit, getcurrent

from .. import _observing
from .by_hand import wait_by_hand
from .carrying import call_handling, reraise
from .pool import ENDED, BridgeGreenlet, idle_greenlets, park, take

P = ParamSpec("P")
T = TypeVar("T")


_NO_KEYWORDS: Final[dict[str, Any]] = {}


def in_bridge() -> bool:
    """Return whether the caller runs in a bridge greenlet, where ``await_in_bridge`` works."""
    return type(getcurrent()) is BridgeGreenlet


# --- The driver's side: runs in the event loop's Task ---------------------------------------------


@types.coroutine
def _drive(
    worker: BridgeGreenlet, signal: Any, idle: list[BridgeGreenlet]
) -> Generator[Any, Any, tuple[Any] | None]:
    """Follow a call in a greenlet, yielding the values that it switches up to the event loop.

    Args:
        worker: The greenlet, which was switched to with the call.
        signal: The value that came back from that switch.
        idle: The parked greenlets of this thread.

    Returns:
        None if the call has ended. The result alone in a tuple if the greenlet was abandoned: see
        ``by_hand``.
    """
    closing = False
    while signal is not ENDED:
        if worker.dead:
            raise signal if isinstance(signal, GreenletExit) else GreenletExit()
        failure: BaseException | None = None
        try:
            value = yield signal
        except BaseException as error:
            failure = error
            closing = isinstance(error, GeneratorExit)
        if failure is not None and _is_switched_by_hand(worker):
            # The Task refuses a future that synchronous code has switched up, because no coroutine
            # awaits it. So this costs nothing where the coroutines wait.
            ended, signal = yield from wait_by_hand(worker, signal, failure)
            if ended:
                return (signal,)
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
    if closing:  # the caller is closed next, and cannot do it
        park(worker, idle)
    return None


def _is_switched_by_hand(worker: BridgeGreenlet) -> bool:
    """Return whether synchronous code has switched the greenlet, and not a coroutine's ``yield``.

    A coroutine that yields a bare future is wrong, and the Task raises an error in it.
    """
    frame = worker.gr_frame
    return frame is not None and frame.f_code is not _await_suspended.__code__


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
    idle = idle_greenlets.stack
    worker = take(idle, getcurrent())
    handled = sys.exception()
    if handled is None:
        call: tuple[Any, ...] = (function, args, kwargs)
    else:
        call = (call_handling, (handled, function, *args), kwargs)
    signal = worker.switch(call)
    # Most calls end without a wait, so there is nothing to follow.
    if signal is not ENDED and (abandoned := await _drive(worker, signal, idle)) is not None:
        return abandoned[0]  # type: ignore[no-any-return]
    result, error = worker.result, worker.error
    park(worker, idle)
    if error is None:
        return result  # type: ignore[no-any-return]
    try:
        reraise(error)
    finally:
        del error  # breaks the cycle exception -> traceback -> this frame


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
    step: Callable[[Any], Any] = coroutine.send
    argument: Any = None
    idle = idle_greenlets.stack
    while True:
        worker = take(idle, getcurrent())
        try:
            # The bound method itself, and not a function that also tells whether the coroutine has
            # ended: that took a fifth of a step's time.
            signal = worker.switch((step, (argument,), _NO_KEYWORDS))
        finally:
            argument = None  # breaks the cycle exception -> traceback -> this frame
        if (
            signal is not ENDED
            and (abandoned := (yield from _drive(worker, signal, idle))) is not None
        ):
            return abandoned[0]  # type: ignore[no-any-return]
        value, error = worker.result, worker.error
        park(worker, idle)
        if error is not None:
            if type(error) is StopIteration:
                return error.value  # type: ignore[no-any-return]
            try:
                reraise(error)
            finally:
                del error  # breaks the cycle exception -> traceback -> this frame
        try:
            argument = yield value
        except BaseException as raised:
            step, argument = coroutine.throw, raised
        else:
            step = coroutine.send


async def run_in_task(coroutine: Coroutine[Any, Any, T], *, in_greenlets: bool = True) -> T:
    """Run the coroutine of a Task that this package creates.

    Args:
        coroutine: The coroutine.
        in_greenlets: Whether synchronous code that it calls may wait; see
            :func:`step_in_greenlets`.

    Raises:
        RuntimeError: The coroutine raised ``SystemExit`` or ``KeyboardInterrupt``. In a Task these
            would stop the event loop, and with it all requests.
        BaseException: Any other exception raised by the coroutine.
    """
    try:
        return await (_step_in_greenlets(coroutine) if in_greenlets else coroutine)
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
    coroutine: Any = awaitable if type(awaitable) is types.CoroutineType else _await(awaitable)
    del awaitable
    try:
        signal = coroutine.send(None)
    except StopIteration as stop:  # it was ready: a third of the time of the loop below
        return stop.value  # type: ignore[no-any-return]
    return _await_suspended(coroutine, signal)  # type: ignore[no-any-return]


def _await_suspended(coroutine: Coroutine[Any, Any, Any], signal: Any) -> Any:
    """Wait for a coroutine that has yielded a first value."""
    failure: BaseException | None = None
    thrown: BaseException | None = None
    handled: BaseException | None = None
    try:
        while True:
            observer = _observing.observer
            if observer is not None:
                observer.wait_began(coroutine)
            try:
                value = getcurrent().driver.switch(signal)
            except BaseException as error:
                failure = error
            if observer is not None:
                observer.wait_ended(coroutine)
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
        return stop.value
    finally:
        # Breaks the cycle exception -> traceback -> this frame.
        failure = thrown = handled = None


async def _await(awaitable: Awaitable[T]) -> T:
    """Await anything that ``await`` accepts; Python itself checks what that is."""
    return await awaitable
