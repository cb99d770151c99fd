"""The observer that knows the open WebSockets and event streams, and the last ones that closed."""

import threading
from collections import deque
from typing import Final

from aiopyramid_core.observing import Observer, OpenConnection

__all__ = ("Connections",)

_MOST_CLOSED: Final = 50
"""How many closed connections are remembered."""


class Connections(Observer):
    """The WebSockets and event streams of this process.

    Attributes:
        closed: The last ones that have closed, the latest first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, OpenConnection] = {}
        self.closed: deque[OpenConnection] = deque(maxlen=_MOST_CLOSED)

    def connection_opened(self, connection: OpenConnection) -> None:
        """Add a connection."""
        with self._lock:
            self._open[id(connection)] = connection

    def connection_closed(self, connection: OpenConnection) -> None:
        """Move it to those that have closed."""
        with self._lock:
            if self._open.pop(id(connection), None) is not None:
                self.closed.appendleft(connection)

    def open(self) -> list[OpenConnection]:
        """Return the open connections, the oldest first."""
        with self._lock:
            return list(self._open.values())
