"""Two protocols, connected to each other in memory: ``testing`` uses this instead of a network."""

import asyncio
from typing import Any, Final

from aiopyramid_core.contract import UpgradedProtocol

__all__ = ("connect_protocols",)

_HIGH_WATER_BYTES: Final = 64 << 10
"""Number of unread bytes above which the writer is paused, as in asyncio's own transports."""

_AnyProtocol = asyncio.Protocol | UpgradedProtocol


def connect_protocols(one: _AnyProtocol, other: _AnyProtocol) -> None:
    """Connect two protocols, as if by a network without delay."""
    loop = asyncio.get_running_loop()
    a, b = _MemoryTransport(loop, one), _MemoryTransport(loop, other)
    a.peer, b.peer = b, a
    one.connection_made(a)
    other.connection_made(b)


class _MemoryTransport(asyncio.Transport):
    """One end; data written at the other end arrives here in the loop's next iteration."""

    peer: "_MemoryTransport"

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: _AnyProtocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._unread = bytearray()
        self._reading = True
        self._eof = False
        self._writer_paused = False
        self._closing = False

    # --- The interface of asyncio.Transport ---------------------------------------------------

    def write(self, data: Any) -> None:
        if self._closing:
            return
        self.peer._unread += data
        self.peer._loop.call_soon(self.peer._deliver)
        if len(self.peer._unread) > _HIGH_WATER_BYTES and not self._writer_paused:
            self._writer_paused = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.peer._eof = True
        self.peer._loop.call_soon(self.peer._deliver)

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._loop.call_soon(self._deliver)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.write_eof()
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    # --- Private ------------------------------------------------------------------------------

    def _deliver(self) -> None:
        if self._closing or not self._reading:
            return
        if self._unread:
            data = bytes(self._unread)
            self._unread.clear()
            self._protocol.data_received(data)
            if self.peer._writer_paused and not self.peer._closing:
                self.peer._writer_paused = False
                self.peer._protocol.resume_writing()
        if self._eof:
            self._loop.call_soon(self._deliver_eof)

    def _deliver_eof(self) -> None:
        # The protocol may have paused or closed in between.
        if self._eof and self._reading and not self._closing:
            self._eof = False
            if not self._protocol.eof_received():
                self.close()
