"""Waiting for an awaitable from synchronous code, wherever that code runs.

Where can synchronous code wait?

* In a greenlet of the bridge, which is where a request runs under a server of this project:
  :mod:`aiopyramid_core._bridge.driver`.
* In a greenlet created by SQLAlchemy: :mod:`aiopyramid_core._bridge.sqlalchemy`.
* In a thread: an executor thread that the bridge started, or the thread of a request under any
  other WSGI server: :mod:`aiopyramid_core._bridge.from_thread`.
* Nowhere else: :class:`~aiopyramid_core.ScopeError` explains what to do instead.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from greenlet import getcurrent
from pyramid.threadlocal import get_current_request

from ._bridge.driver import await_in_bridge, spawn_greenlet
from ._bridge.from_thread import ThreadScope, await_in_thread, loop_of_this_thread
from ._bridge.pool import BridgeGreenlet
from ._bridge.process_loop import process_loop
from ._bridge.refusal import on_a_loop, refuse
from ._bridge.sqlalchemy import await_in_sqlalchemy, call_serving, can_switch, in_sqlalchemy
from ._coroutines import is_coroutine
from .exceptions import ScopeError

__all__ = ("await_", "can_await", "run")

P = ParamSpec("P")
T = TypeVar("T")


def await_(awaitable: Awaitable[T], /) -> T:
    """Wait for an awaitable from synchronous code, without blocking the event loop.

    ``await_()`` is to synchronous code called by Pyramid what ``await`` is to a coroutine. It works
    in tweens, predicates, policies, synchronous views and the functions that any of them call.
    Other requests continue in the meantime.

    Args:
        awaitable: A coroutine, a future or any object with ``__await__``.

    Returns:
        The awaitable's result.

    Raises:
        ScopeError: The caller cannot wait here: it runs on the event loop's own thread outside of
            a greenlet, or in a thread that does not serve a request. A refused coroutine is closed.
        BaseException: Any exception raised by the awaitable.
    """
    if type(getcurrent()) is BridgeGreenlet:  # in_bridge(), without its call
        return await_in_bridge(awaitable)
    if in_sqlalchemy():
        return await_in_sqlalchemy(awaitable)
    loop = _loop_to_wait_for()
    if loop is None:
        refuse(awaitable)
    return await_in_thread(loop, awaitable)


def can_await() -> bool:
    """Return whether the calling code can use :func:`await_` where it runs."""
    return can_switch() or _loop_to_wait_for() is not None


def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function from a script so that it may wait for coroutines.

    Meant for scripts, the shell, tests and the code that configures an application; requests do
    not need it. In every call, coroutines run on the one event loop of the process, which is also
    the loop that will serve requests.

    Args:
        function: A synchronous callable, or a coroutine function.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function`` or, for a coroutine function, of its coroutine.

    Raises:
        ScopeError: The caller runs on an event loop's own thread.
        TypeError: ``function`` is a coroutine instead of a function. The coroutine is closed.
        BaseException: Any exception raised by ``function``.
    """
    if is_coroutine(function):
        function.close()
        name = getattr(function, "__name__", None) or "function"
        raise TypeError(
            f"run() takes a function and its arguments, and got a coroutine of"
            f" {getattr(function, '__qualname__', name)}: write run({name}, ...) instead of"
            f" run({name}(...))"
        )
    if on_a_loop():
        raise ScopeError(
            getattr(function, "__qualname__", None) or repr(function),
            "on the event loop's own thread",
            "In a coroutine, write 'await aiopyramid_core.spawn_greenlet(function, ...)'.",
        )
    loop = process_loop()
    if not loop.is_running():
        # A server has adopted it and is still loading the application.
        result = loop.run_until_complete(spawn_greenlet(function, *args, **kwargs))
        return loop.run_until_complete(result) if is_coroutine(result) else result
    scope = ThreadScope(lambda: loop)
    outcome: T = call_serving(scope, _call_and_wait, function, *args, **kwargs)
    return outcome


def _call_and_wait(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    result = function(*args, **kwargs)
    return await_(result) if is_coroutine(result) else result


def _loop_to_wait_for() -> asyncio.AbstractEventLoop | None:
    """Return the loop of another thread that may run this thread's awaitables, or None."""
    if on_a_loop():
        return None
    loop = loop_of_this_thread()
    if loop is None and get_current_request() is not None:
        loop = process_loop()
        if not loop.is_running():
            # Adopted by a server that is still loading its applications.
            return None
    return loop
