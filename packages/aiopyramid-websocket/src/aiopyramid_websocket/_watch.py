"""The open connections of one application in one worker, and a look at all of them at times.

One look a few times a second costs less, in time and in memory, than a timer for each connection.
"""

import asyncio
from typing import Any, Final, Protocol

from ._fence import Fenced

__all__ = ("Watch", "Watched", "watch_of")

_LOOK_SECONDS: Final = 0.25
"""How often to look; how late a deadline may be noticed. Deadlines are seconds at least."""


class Watched(Fenced, Protocol):
    """A connection, as the watch sees it.

    Attributes:
        deadline: When, by the loop's clock, :meth:`expire` is to be called.
    """

    deadline: float

    def expire(self) -> None:
        """The deadline has passed."""


class Watch:
    """Counts connections and lets those act whose deadline has passed.

    Attributes:
        connections: All open connections.
        expected: Those whose handshake is not complete yet.
    """

    def __init__(self) -> None:
        self.connections: set[Watched] = set()
        self.expected: set[Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.connections) + len(self.expected)

    def expect(self, connection: Watched) -> None:
        """A connection has its place, though it is not open yet; to be added, or discarded."""
        self.expected.add(connection)

    def add(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """A connection is open."""
        self.expected.discard(connection)
        self.connections.add(connection)
        if self._timer is None:
            self._loop = loop
            self._timer = loop.call_later(_LOOK_SECONDS, self._look)

    def discard(self, connection: Watched) -> None:
        """A connection is gone, or is not expected any more."""
        self.expected.discard(connection)
        self.connections.discard(connection)
        if not self.connections and self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop = None

    def look(self, now: float) -> None:
        """Let the connections act whose deadline has passed."""
        for connection in [each for each in self.connections if each.deadline <= now]:
            try:
                connection.expire()
            except Exception:
                connection.break_off()

    def _look(self) -> None:
        loop = self._loop
        assert loop is not None
        # Before anything can fail: for all connections this is the only clock.
        self._timer = loop.call_later(_LOOK_SECONDS, self._look)
        self.look(loop.time())


_REGISTRY_KEY: Final = "aiopyramid.websocket.watch"


def watch_of(registry: Any) -> Watch:
    """Return the watch of an application."""
    watch: Watch = registry.setdefault(_REGISTRY_KEY, Watch())
    return watch
