"""The starts of requests: a limited number of them in each iteration of the event loop.

Hundreds of requests may arrive at the same moment. If all of them began in one iteration, nothing
else would be read before each had come to its first wait: neither the database's answers to those
that began first, nor the messages of WebSockets, nor a health probe.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

__all__ = ("MOST_STARTS", "Starts")

MOST_STARTS: Final = 32
"""The most requests that begin in one iteration: some milliseconds of work, and enough to make good
use of the processor's caches."""


class Starts:
    """The requests of one worker that are about to begin.

    Args:
        is_urgent: Returns whether a request, given its environ, waits for no others; None if there
            are no such requests.

    Attributes:
        count: How many requests have been started since the first step of any. Each request sets it
            to zero when it takes this step.
        waiting: Functions that start the requests which have to wait, in their order.
    """

    __slots__ = ("_context", "_is_urgent", "count", "waiting")

    def __init__(self, is_urgent: Callable[[dict[str, Any]], bool] | None = None) -> None:
        self._is_urgent = is_urgent
        self._context = copy_context()  # without the variables of any request
        self.count = 0
        self.waiting: deque[Callable[[], object]] = deque()

    def postpone(self, start: Callable[[], object], environ: dict[str, Any]) -> None:
        """Start a request later, unless it is urgent.

        Args:
            start: Starts it.
            environ: Its environ.
        """
        if self._is_urgent is not None and self._is_urgent(environ):
            start()
            return
        if not self.waiting:
            self._start_some_soon()
        self.waiting.append(start)

    def _start_some_soon(self) -> None:
        """Start some after the first steps of those that were started before."""
        asyncio.get_running_loop().call_soon(self._start_some, context=self._context)

    def _start_some(self) -> None:
        for _ in range(min(MOST_STARTS, len(self.waiting))):
            self.waiting.popleft()()
        if self.waiting:
            self._start_some_soon()
