"""Results from threads: a future can be settled in the thread of its event loop only."""

import asyncio
from typing import Any

__all__ = ("deliver",)


def deliver(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", result: Any) -> None:
    """Give a future of a loop in another thread its result, unless nobody waits any more."""
    try:
        loop.call_soon_threadsafe(_settle, future, result)
    except RuntimeError:  # the loop is closed
        return


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
