"""Seconds that pass while the machine runs: a busy one may stand still in between."""

import asyncio
import time
from typing import Final

_LATE_SECONDS: Final = 0.05
"""A loop with little to do wakes a coroutine sooner than this after its time."""


class Stopwatch:
    """Measures from its creation, without the time in which nothing here could run.

    That shows in waits which last much longer than they should: the one who measures must wait by
    :meth:`sleep` all the time.
    """

    def __init__(self) -> None:
        self._began_at = time.monotonic()
        self._stood_still_seconds = 0.0

    @property
    def seconds(self) -> float:
        """The time until now."""
        return time.monotonic() - self._began_at - self._stood_still_seconds

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        began_at = time.monotonic()
        await asyncio.sleep(seconds)
        late_seconds = time.monotonic() - began_at - seconds
        if late_seconds > _LATE_SECONDS:
            self._stood_still_seconds += late_seconds
