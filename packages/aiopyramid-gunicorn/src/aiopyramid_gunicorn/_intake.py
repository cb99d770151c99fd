"""Bytes that a client has sent and that are not parsed yet, parsed in slices for fairness.

Pure: no asyncio, no transport. A read may return 256 KiB, uvloop reads several times in a row, and
in the worst case (chunks of one byte, requests of twenty) that much takes a second to parse. So the
bytes are parsed in slices. Slices that take much effort are made smaller, and when a connection has
used up the effort that it may take at once, the other connections get a turn.

The effort is counted (:attr:`Inbound.effort`) and not measured. To ask the system for the CPU time
takes as long as several chunks, and on a busy machine the time on the clock is much longer, so that
large uploads would be parsed in small slices.
"""

from typing import Final

__all__ = ("HEAD_BYTES", "Intake")

_TURN_EFFORT: Final = 500
"""Effort after which the other connections get a turn: about half a millisecond. With five
worst-case clients, another client then waited 60 ms for a response."""

_SLICE_EFFORT: Final = 300
"""Slices that take more than this are halved; the others are doubled each time. A whole read of
chunks of 1 KiB takes less."""

_LEAST_BYTES: Final = 512

HEAD_BYTES: Final = 2 << 10
"""Maximum slice where requests begin: that many bytes of requests may wait to be handled."""

_BODY_BYTES: Final = 256 << 10
"""Maximum slice of a body in chunks: a whole read."""


class Intake:
    """Bytes that wait to be parsed.

    Attributes:
        is_empty: Whether nothing waits. An attribute and not ``__bool__``, which each read of a
            large body would call.
        is_due: Whether the connection has had its turn.
        slice_bytes: How much of a body in chunks may be parsed at once.
    """

    __slots__ = ("_data", "_position", "_spent_effort", "is_due", "is_empty", "slice_bytes")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self.is_empty = True
        self.slice_bytes = HEAD_BYTES
        self._spent_effort = 0
        self.is_due = False

    def add(self, data: bytes) -> None:
        """Append data that has arrived."""
        self._data = self._data[self._position :] + data if self._data else data
        self._position = 0
        self.is_empty = not self._data

    def take(self, plain_bytes: int, *, in_body: bool) -> bytes:
        """Return the next slice.

        Args:
            plain_bytes: How many of the next bytes need no parsing.
            in_body: Whether the first of them belong to the body of a request.
        """
        begin = self._position
        most = _BODY_BYTES if in_body else HEAD_BYTES
        size = plain_bytes or min(most, self.slice_bytes)
        if begin + size >= len(self._data):
            return self.take_all()
        self._position = begin + size
        return self._data[begin : begin + size]

    def take_all(self) -> bytes:
        """Return all that is left."""
        data, self._data = self._data[self._position :], b""
        self._position = 0
        self.is_empty = True
        return data

    def spent(self, effort: int) -> None:
        """Record how much effort it took to parse a slice."""
        if effort > _SLICE_EFFORT:
            self.slice_bytes = max(_LEAST_BYTES, min(self.slice_bytes, 4 * HEAD_BYTES) // 2)
        elif self.slice_bytes < _BODY_BYTES:
            self.slice_bytes *= 2
        self._spent_effort += effort
        self.is_due = self._spent_effort > _TURN_EFFORT

    def rest(self) -> None:
        """Begin a new turn: the other connections have had theirs."""
        self._spent_effort = 0
        self.is_due = False
