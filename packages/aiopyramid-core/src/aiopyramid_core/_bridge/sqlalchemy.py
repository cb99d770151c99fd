"""Waiting below ``AsyncSession.run_sync()``, in a greenlet created by SQLAlchemy.

SQLAlchemy's asyncio extension runs synchronous code in greenlets of its own, whose parent awaits
every awaitable that is switched up to it. SQLAlchemy itself is not imported here.
"""

from collections.abc import Awaitable
from typing import Any, TypeVar

from greenlet import getcurrent

from .driver import await_in_bridge, spawn_greenlet

__all__ = ("await_in_sqlalchemy", "in_sqlalchemy")

T = TypeVar("T")


def in_sqlalchemy() -> bool:
    """Return whether the caller runs in one of SQLAlchemy's greenlets."""
    # SQLAlchemy distinguishes its greenlets from others by this attribute (2.0 and 2.1).
    return bool(getattr(getcurrent(), "__sqlalchemy_greenlet_provider__", False))


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
