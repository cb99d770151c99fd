"""Waiting in code of SQLAlchemy, whose asyncio dialects await what a synchronous driver returns.

Such a dialect, ``postgresql+asyncpg`` for example, is called by synchronous code: an ordinary
``Session``, an attribute that is loaded on first use, a commit. It waits as follows, wherever it is
called::

    current = getcurrent()
    if not getattr(current, "__sqlalchemy_greenlet_provider__", False):
        raise MissingGreenlet
    result = current.parent.switch(awaitable)

SQLAlchemy creates greenlets with this attribute below ``AsyncSession`` and ``run_sync()``. This
module gives it to the greenlets of the bridge, and with it a ``parent`` whose ``switch()`` waits
for the awaitable as ``await_`` does. No greenlet is switched for that. In a thread, where the code
of a request would run in no greenlet at all, it runs in a :class:`ThreadGreenlet`.

SQLAlchemy itself is not imported here. It documents neither the attribute nor the protocol, so the
tests check them with the lowest and the newest versions of SQLAlchemy.
"""

import asyncio
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

from .carrying import call_handling, reraise
from .driver import await_in_bridge, spawn_greenlet
from .from_thread import ThreadScope, await_in_thread, call_in_scope, loop_of_this_thread
from .pool import BridgeGreenlet, OrphanGreenlet, new_greenlet
from .refusal import on_a_loop, refuse

__all__ = ("await_in_sqlalchemy", "call_serving", "can_switch", "in_sqlalchemy")

P = ParamSpec("P")
T = TypeVar("T")

_MARKER: Final = "__sqlalchemy_greenlet_provider__"
"""The attribute by which SQLAlchemy distinguishes its greenlets from others (2.0 and 2.1)."""

_ASYNCIO_EXTENSION: Final = "sqlalchemy.ext.asyncio"
"""The module without which an application has no engine that awaits."""


# --- Greenlets of SQLAlchemy ----------------------------------------------------------------------


def in_sqlalchemy() -> bool:
    """Return whether the caller runs in one of SQLAlchemy's greenlets."""
    current = getcurrent()
    return getattr(current, _MARKER, False) and not isinstance(current, BridgeGreenlet)


def can_switch() -> bool:
    """Return whether the caller runs in a greenlet that can switch to an event loop.

    These are the greenlets of the bridge and those of SQLAlchemy; see :func:`.driver.in_bridge` and
    :func:`in_sqlalchemy`. Code that blocks there holds up the loop.
    """
    kind = type(getcurrent())
    # A plain greenlet is the usual one of a thread.
    return kind is BridgeGreenlet or (kind is not greenlet and in_sqlalchemy())


def await_in_sqlalchemy(awaitable: Awaitable[T]) -> T:
    """Wait for an awaitable, by way of SQLAlchemy's own coroutine above this greenlet.

    Args:
        awaitable: The awaitable. It runs in a greenlet of the bridge, so that synchronous code
            which it calls may await in turn.

    Returns:
        The awaitable's result.

    Raises:
        BaseException: Any exception raised by the awaitable.
    """
    result: Any = getcurrent().parent.switch(spawn_greenlet(await_in_bridge, awaitable))
    return result  # type: ignore[no-any-return]


# --- Greenlets of the bridge ----------------------------------------------------------------------


class _AboveBridgeGreenlet:
    """The object that code in a bridge greenlet gets as the greenlet's parent.

    It holds no reference to the greenlet, for the reason given in ``pool``.
    """

    __slots__ = ()

    def switch(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for an awaitable; switch to the driver with anything else."""
        if len(args) == 1 and inspect.isawaitable(args[0]) and not _is_switched_by_hand(args[0]):
            return await_in_bridge(args[0])
        return getcurrent().driver.switch(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(getcurrent().driver, name)


def _is_switched_by_hand(awaitable: Awaitable[object]) -> bool:
    """Return whether the caller's caller is code for aiopyramid 0.x, as described in ``by_hand``.

    Such code switches futures, and so may SQLAlchemy (``asyncio.shield()`` returns one).
    """
    if not asyncio.isfuture(awaitable):
        return False
    module: str = sys._getframe(2).f_globals.get("__name__", "")
    return not module.startswith("sqlalchemy.")


_above_bridge_greenlet: Final = _AboveBridgeGreenlet()


def _parent(greenlet: BridgeGreenlet) -> Any:
    # Code in another greenlet, such as a debugger's, asks for the real parent.
    return _above_bridge_greenlet if getcurrent() is greenlet else greenlet.driver


BridgeGreenlet.parent = property(_parent)
setattr(BridgeGreenlet, _MARKER, True)
# In a child process there is no event loop to wait for.
setattr(OrphanGreenlet, _MARKER, False)


# --- Greenlets in threads -------------------------------------------------------------------------


class _AboveThreadGreenlet:
    """The object that code in a greenlet of a thread gets as the greenlet's parent."""

    __slots__ = ()

    def switch(self, awaitable: Awaitable[T]) -> T:
        """Wait for an awaitable, which runs on the event loop of the thread's request."""
        loop = loop_of_this_thread()
        if loop is None or on_a_loop():
            refuse(awaitable)
        return await_in_thread(loop, awaitable)


class ThreadGreenlet(BridgeGreenlet):
    """A greenlet in which a thread calls code that may wait for the event loop."""

    __slots__ = ()

    parent = _AboveThreadGreenlet()


class _IdleGreenlet(threading.local):
    """The parked greenlet of each thread; there is one, since threads do not switch greenlets."""

    greenlet: ThreadGreenlet | None = None


_idle = _IdleGreenlet()


def call_serving(
    scope: ThreadScope, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function in this thread so that it may wait, and SQLAlchemy below it as well.

    Args:
        scope: The work of the thread for an event loop; see
            :func:`~aiopyramid_core._bridge.from_thread.call_in_scope`.
        function: A synchronous callable.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.

    Raises:
        BaseException: Any exception raised by ``function``.
    """
    # Most applications have no use for the greenlet, and agents (New Relic's) that distinguish
    # requests by their threads would take it for another request.
    if _ASYNCIO_EXTENSION not in sys.modules or isinstance(getcurrent(), ThreadGreenlet):
        return call_in_scope(scope, function, *args, **kwargs)
    return call_in_scope(scope, _call_in_thread_greenlet, function, args, kwargs)


def _call_in_thread_greenlet(function: Callable[..., T], args: Any, kwargs: Any) -> T:
    current = getcurrent()
    worker, _idle.greenlet = _idle.greenlet or new_greenlet(ThreadGreenlet), None
    worker.driver = current
    worker.gr_context = current.gr_context
    handled = sys.exception()
    if handled is not None:
        function, args = call_handling, (handled, function, *args)
    try:
        signal = worker.switch((function, args, kwargs))
    finally:
        del handled, args  # breaks the cycle exception -> traceback -> this frame
    if worker.dead:
        _raise_exit(signal)
    result, error = worker.result, worker.error
    worker.result = worker.error = worker.gr_context = None
    _idle.greenlet = worker
    if error is None:
        return result  # type: ignore[no-any-return]
    try:
        reraise(error)
    finally:
        del error  # breaks the cycle exception -> traceback -> this frame


def _raise_exit(signal: Any) -> NoReturn:
    """Raise what has ended a greenlet that was killed."""
    raise signal if isinstance(signal, GreenletExit) else GreenletExit()
