"""The error for places where nothing can wait, which explains what to do instead."""

import asyncio
from collections.abc import Awaitable
from typing import NoReturn

from .._coroutines import close
from ..exceptions import ScopeError

__all__ = ("on_a_loop", "refuse")


def on_a_loop() -> bool:
    """Return whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def refuse(awaitable: Awaitable[object]) -> NoReturn:
    """Raise the :class:`ScopeError` that fits the calling code.

    Args:
        awaitable: The awaitable that was refused; a coroutine is closed.

    Raises:
        ScopeError: Always.
    """
    # Otherwise Python would warn that it was never awaited, which would only distract.
    close(awaitable)
    what = getattr(awaitable, "__qualname__", None) or repr(awaitable)
    if on_a_loop():
        raise ScopeError(
            what,
            "on the event loop's own thread outside of a greenlet",
            "In a coroutine, await it directly; if synchronous code in between prevents that, start"
            " the outermost synchronous function with"
            " 'await aiopyramid_core.spawn_greenlet(function, ...)'.",
        )
    raise ScopeError(
        what,
        "in a thread that serves no request",
        "In a script, call the outermost function with 'aiopyramid_core.run(function, ...)'.",
    )
