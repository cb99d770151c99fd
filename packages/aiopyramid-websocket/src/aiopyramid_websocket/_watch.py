"""The open connections of one application in one worker, checked periodically.

Checking all of them a few times a second costs less time and memory than a timer for each one.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Any, Final, Protocol

from aiopyramid_core.lifespan import lifespan_of

from ._fence import Fenced

__all__ = ("Watch", "Watched", "watch_of")

_LOOK_SECONDS: Final = 0.25
"""How often to check, and so how late a deadline may be noticed; deadlines are at least seconds."""


class Watched(Fenced, Protocol):
    """A connection, as the watch sees it.

    Attributes:
        deadline: The time, by the loop's clock, at which :meth:`expire` must be called.
    """

    deadline: float

    def expire(self) -> None:
        """Act on the deadline, which has passed."""


InTurn = Callable[[Callable[[], object]], object]
"""Calls a function when its turn comes."""


def _call(function: Callable[[], object]) -> object:
    return function()


class Watch:
    """Counts connections, and expires those whose deadline has passed.

    Args:
        in_turn: Calls functions that send clients away, a few at a time.

    Attributes:
        in_turn: The same.
        connections: All open connections.
        expected: Connections whose handshake is not complete yet.
    """

    def __init__(self, in_turn: InTurn = _call) -> None:
        self.in_turn = in_turn
        self.connections: set[Watched] = set()
        self.expected: set[Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.connections) + len(self.expected)

    def expect(self, connection: Watched) -> None:
        """Count a connection that is not open yet; it must be added or discarded later."""
        self.expected.add(connection)

    def add(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Add a connection that is open."""
        self.expected.discard(connection)
        self.connections.add(connection)
        if self._timer is None:
            self._loop = loop
            self._timer = loop.call_later(_LOOK_SECONDS, self._look)

    def discard(self, connection: Watched) -> None:
        """Remove a connection that is gone, or is not expected any more."""
        self.expected.discard(connection)
        self.connections.discard(connection)
        if not self.connections and self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop = None

    def look(self, now: float) -> None:
        """Expire the connections whose deadline has passed."""
        for connection in [each for each in self.connections if each.deadline <= now]:
            try:
                connection.expire()
            except Exception:
                connection.break_off()

    def _look(self) -> None:
        loop = self._loop
        assert loop is not None
        # First, before anything can fail: this is the only timer for all connections.
        self._timer = loop.call_later(_LOOK_SECONDS, self._look)
        self.look(loop.time())


_REGISTRY_KEY: Final = "aiopyramid.websocket.watch"


def watch_of(registry: Any) -> Watch:
    """Return the watch of an application."""
    watch: Watch | None = registry.get(_REGISTRY_KEY)
    if watch is None:
        in_turn = functools.partial(lifespan_of(registry).when_stopping, in_turn=True)
        watch = registry.setdefault(_REGISTRY_KEY, Watch(in_turn))
    return watch
