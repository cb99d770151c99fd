"""Results from threads, since a future can be settled only in the thread of its event loop."""

import asyncio
from typing import Any

__all__ = ("deliver",)


def deliver(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]", result: Any) -> None:
    """Set the result of a future of a loop in another thread, unless the future is done."""
    try:
        loop.call_soon_threadsafe(_settle, future, result)
    except RuntimeError:  # the loop is closed
        return


def _settle(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
