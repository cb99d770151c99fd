"""What a client has sent and nobody has parsed yet: dealt out such that nobody else has to wait.

Pure: no asyncio, no transport. A read may bring 256 KiB, uvloop reads several times in a row, and
of the worst kind (chunks of one byte, requests of twenty) so much takes a second to parse. So the
bytes are parsed in slices, these get smaller as they take longer, and when the time is spent
that one connection may take at a time, the others have their turn.
"""

from typing import Final

__all__ = ("Intake",)

_TURN_SECONDS: Final = 0.0005
"""Time for parsing after which the others have their turn: with five such clients it came to 60 ms
until another one had an answer."""

_SLICE_SECONDS: Final = 0.00025
"""Slices that take longer are made small at once; those that do not, twice as long each time."""

_COPYING_SECONDS: Final = 4e-9
"""Time for a byte which there is nothing to parse in, to be written to a file on a slow machine; a
byte of the worst kind takes a hundred times as long."""

_LEAST_BYTES: Final = 512

_HEAD_BYTES: Final = 2 << 10
"""Most bytes at a time where requests begin: so many bytes of requests may wait to be handled."""

_BODY_BYTES: Final = 256 << 10
"""Most bytes at a time of a body in chunks: a whole read."""


class Intake:
    """Bytes that wait to be parsed.

    Attributes:
        is_due: Whether the connection has had its turn.
    """

    __slots__ = ("_data", "_position", "_slice_bytes", "_spent_seconds", "is_due")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self._slice_bytes = _HEAD_BYTES
        self._spent_seconds = 0.0
        self.is_due = False

    def needs_no_slices(self, data: bytes, plain_bytes: int) -> bool:
        """Return whether what has arrived can be parsed as it is: nothing is left, and it is quick.

        Args:
            data: What has arrived.
            plain_bytes: How many of the next bytes there is nothing to parse in.
        """
        return not self and len(data) <= max(_HEAD_BYTES, plain_bytes)

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def add(self, data: bytes) -> None:
        """Append what has arrived."""
        self._data = self._data[self._position :] + data if self else data
        self._position = 0

    def take(self, plain_bytes: int, *, in_body: bool) -> bytes:
        """Return the next slice.

        Args:
            plain_bytes: How many of the next bytes there is nothing to parse in.
            in_body: Whether they belong to the body of a request, at least in the beginning.
        """
        begin = self._position
        most = _BODY_BYTES if in_body else _HEAD_BYTES
        size = plain_bytes or min(most, self._slice_bytes)
        if begin == 0 and size >= len(self._data):
            return self.take_all()
        self._position = begin + size
        return self._data[begin : begin + size]

    def take_all(self) -> bytes:
        """Return all that is left."""
        data, self._data = self._data[self._position :], b""
        self._position = 0
        return data

    def spent(self, seconds: float, size_bytes: int) -> None:
        """Take note of how long it took to parse a slice."""
        seconds = max(0.0, seconds - size_bytes * _COPYING_SECONDS)
        if seconds > _SLICE_SECONDS:
            self._slice_bytes = max(_LEAST_BYTES, min(self._slice_bytes, 4 * _HEAD_BYTES) // 2)
        elif self._slice_bytes < _BODY_BYTES:
            self._slice_bytes *= 2
        self._spent_seconds += seconds
        self.is_due = self._spent_seconds > _TURN_SECONDS

    def rest(self) -> None:
        """The others have had their turn."""
        self._spent_seconds = 0.0
        self.is_due = False
