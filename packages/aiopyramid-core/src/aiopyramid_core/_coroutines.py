"""Checks for coroutines and async generators, including those of compiled functions (Cython)."""

import inspect
from collections.abc import AsyncGenerator, Coroutine
from types import AsyncGeneratorType, CoroutineType
from typing import Any, Final, TypeGuard

__all__ = ("ASYNC_PROTOCOLS", "close", "close_with_arguments", "is_async_generator", "is_coroutine")

ASYNC_PROTOCOLS: Final = frozenset({"__aenter__", "__aexit__", "__anext__"})
"""Methods that only ``async with`` and ``async for`` call: they must stay coroutines."""


def is_coroutine(value: Any) -> TypeGuard[Coroutine[Any, Any, Any]]:
    """Return whether a value is a coroutine: Python's, or one of a compiled function."""
    kind = type(value)
    # The abstract class last, because its check takes longer than a whole await in the bridge.
    return kind is CoroutineType or (hasattr(kind, "__await__") and issubclass(kind, Coroutine))


def is_async_generator(value: Any) -> bool:
    """Return whether a value is an async generator: Python's, or one of a compiled function."""
    kind = type(value)
    return kind is AsyncGeneratorType or (
        hasattr(kind, "__anext__") and issubclass(kind, AsyncGenerator)
    )


def close(value: Any) -> None:
    """Close a coroutine that will not be awaited, so that Python does not warn about it."""
    if is_coroutine(value):
        value.close()


def close_with_arguments(value: Any) -> None:
    """Close a coroutine and, if it has not begun, also the coroutines that were passed to it.

    It would have awaited those, as ``asyncio.wait_for`` does, and as SQLAlchemy does when it
    connects by asyncpg.
    """
    if _is_unstarted(value):
        for argument in value.cr_frame.f_locals.values():
            if _is_unstarted(argument):
                close_with_arguments(argument)
    close(value)


def _is_unstarted(value: Any) -> bool:
    return type(value) is CoroutineType and inspect.getcoroutinestate(value) == inspect.CORO_CREATED
