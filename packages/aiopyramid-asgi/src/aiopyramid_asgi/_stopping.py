"""The end of long responses and connections when the server is told to stop.

An ASGI server waits for its requests, and tells none of them that it is going to stop: the signal
does. An event stream would otherwise keep the server from stopping, or be cut off.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

__all__ = ("Stopping",)

_log = logging.getLogger("aiopyramid_asgi")

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """The responses and connections of one application that do not end by themselves.

    Args:
        announce: Tells the application that the server is going to stop.
        graceful_timeout_seconds: How long those that are not to end at once may continue.
    """

    def __init__(self, announce: Callable[[], object], graceful_timeout_seconds: float) -> None:
        self._announce = announce
        self._seconds = graceful_timeout_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._at_once: set[Callable[[], object]] = set()
        self._later: set[Callable[[], object]] = set()
        self._previous: dict[int, Any] = {}
        self._has_begun = False

    def add(self, stop: Callable[[], object], *, at_once: bool) -> None:
        """Add something that is to be ended when the server stops.

        Args:
            stop: Ends it, without waiting; called on the event loop.
            at_once: Whether to end it at once, not only when the graceful timeout is over.
        """
        if not self._has_begun:
            (self._at_once if at_once else self._later).add(stop)
        elif self._loop is not None:
            self._later.add(stop)
            if at_once:
                self._loop.call_soon(self._end, self._later, stop)

    def discard(self, stop: Callable[[], object]) -> None:
        """Remove something that has ended."""
        self._at_once.discard(stop)
        self._later.discard(stop)

    # --- Signals ------------------------------------------------------------------------------

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Learn of the signals that stop the server; its own handlers are called as well.

        Args:
            loop: The event loop that serves.
        """
        self._loop = loop
        self._has_begun = False
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            # Something else than a function is the default action or a handler of C, which must
            # remain: this process does not catch the signal.
            if callable(previous) and previous is not signal.default_int_handler:
                self._previous[number] = previous
                # The server may have added its handler to the loop, which then calls it whichever
                # function is set here.
                signal.signal(number, self._handle)

    def ignore(self) -> None:
        """Restore the server's handlers, unless others have been set since."""
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, previous)
        self._previous.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.begin)
        previous = self._previous.get(number)
        if previous is not None:
            previous(number, frame)

    # --- The end ------------------------------------------------------------------------------

    def begin(self) -> None:
        """End everything: event streams and WebSockets now, the rest later."""
        if self._has_begun or self._loop is None:
            return
        self._has_begun = True
        self._announce()
        for stop in tuple(self._at_once):
            self._end(self._at_once, stop)
        self._loop.call_later(self._seconds, self._end_rest)

    def _end_rest(self) -> None:
        if self._later:
            _log.warning("Breaking off %d responses to stop in time", len(self._later))
        for stop in tuple(self._later):
            self._end(self._later, stop)

    def _end(self, where: set[Callable[[], object]], stop: Callable[[], object]) -> None:
        if stop in where:
            where.discard(stop)
            stop()
