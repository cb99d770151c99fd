"""Futures for which several wait."""

import asyncio
from typing import TypeVar

__all__ = ("shared_result",)

T = TypeVar("T")


async def shared_result(future: asyncio.Future[T]) -> T:
    """Wait for a future that is not cancelled with the caller, because others wait for it, too.

    Returns:
        The future's result.

    Raises:
        BaseException: The future's exception.
    """
    # From Python 3.14 on, asyncio.shield() logs an exception for which the caller did not wait.
    await asyncio.wait((future,))
    return future.result()
