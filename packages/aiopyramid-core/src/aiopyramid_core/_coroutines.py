"""Checks for coroutines and async generators, including those of compiled functions (Cython)."""

from collections.abc import AsyncGenerator, Coroutine
from types import AsyncGeneratorType, CoroutineType
from typing import Any, TypeGuard

__all__ = ("close", "is_async_generator", "is_coroutine")


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
