"""Callbacks that are called a few at a time, because each of them sends a client away.

The clients come back to other workers. If all of them came at the same moment, most would wait for
the others, and so would the requests that these workers have in any case.
"""

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import Any, Final

__all__ = ("Turns",)

_TICK_SECONDS: Final = 0.02

_LEAST_PER_SECOND: Final = 500
"""As many new connections a second keep a worker about half busy, at a millisecond for each."""


class Turns:
    """Callbacks of one event loop that wait for their turn.

    Few are called at once; of many, so many a second that all have been called in time.

    Args:
        loop: The event loop. All methods are called on it.
        seconds: How long it may take until all have been called; 0 to call all at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._end = loop.time() + seconds
        self._waiting: dict[object, Callable[[], Any]] = {}
        self._is_scheduled = False

    def add(self, key: object, callback: Callable[[], Any]) -> None:
        """Add a callback, which is called in the next iteration of the loop at the earliest.

        Args:
            key: Names the callback, to remove it.
            callback: A callable without arguments.
        """
        self._waiting[key] = callback
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._call_some)

    def remove(self, key: object) -> None:
        """Remove a callback, unless it has been called or removed already."""
        self._waiting.pop(key, None)

    def _call_some(self) -> None:
        keys = list(itertools.islice(self._waiting, self._count()))
        for key in keys:
            # By the loop, which reports the exception of one that fails.
            self._loop.call_soon(self._call, key)
        self._is_scheduled = len(self._waiting) > len(keys)
        if self._is_scheduled:
            self._loop.call_later(_TICK_SECONDS, self._call_some)

    def _call(self, key: object) -> None:
        callback = self._waiting.pop(key, None)
        if callback is not None:  # another one may have removed it
            callback()

    def _count(self) -> int:
        """Return how many to call now."""
        ticks = (self._end - self._loop.time()) / _TICK_SECONDS
        if ticks < 1:
            return len(self._waiting)
        return math.ceil(max(_LEAST_PER_SECOND * _TICK_SECONDS, len(self._waiting) / ticks))
