"""A time limit for startup and shutdown functions, with warnings about slow ones."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

__all__ = ("at_most",)

_log = logging.getLogger("aiopyramid_core")

_PATIENCE_SECONDS: Final = 5.0
"""How long a function may run before a warning; the next follows after twice that time, and so
on.
"""


@contextlib.asynccontextmanager
async def at_most(seconds: float, what: str, limit: str) -> AsyncIterator[None]:
    """Limit the time of the awaits in the block, and log while they are overdue.

    Args:
        seconds: The limit.
        what: The work that runs, a noun phrase for the message.
        limit: The setting of the limit, for the message.

    Raises:
        TimeoutError: The limit was reached; the await in progress is cancelled.
    """
    loop = asyncio.get_running_loop()
    begin = loop.time()

    timer: asyncio.TimerHandle

    def tell() -> None:
        nonlocal timer
        passed = loop.time() - begin
        timer = loop.call_later(passed, tell)
        _log.warning("%s is still running after %.0f seconds", what, passed)

    timer = loop.call_later(_PATIENCE_SECONDS, tell)
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise TimeoutError(f"it has not ended within {seconds:g} seconds ({limit})") from error
    finally:
        timer.cancel()
