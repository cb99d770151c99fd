"""Back-pressure on the writing side: wait until a slow client has read what was written."""

import asyncio
import contextlib
import fcntl
import struct
import termios
from typing import Any

from aiopyramid_core.exceptions import ClientDisconnected

__all__ = ("WriteFlow", "unsent_bytes")


def unsent_bytes(transport: asyncio.Transport, *, past_transport: bool = False) -> int:
    """Return how many of the written bytes are still to be sent; 0 only if none are.

    A TLS transport does not report the data that it has passed to the socket's transport, which
    may be 64 KiB. While there is such data, the system's own queue is not empty, so that queue is
    checked then. Without TLS it need not be: the system sends by itself what is in its queue.

    Args:
        transport: The transport.
        past_transport: Whether data is being sent past the transport, without its knowledge.
    """
    size = transport.get_write_buffer_size()
    if size or (transport.can_write_eof() and not past_transport):
        return size
    return _queued_bytes(transport.get_extra_info("socket"))


def _queued_bytes(sock: Any) -> int:
    """Return how many bytes in the system's queue the client has not acknowledged."""
    # The socket may be closed, or the system may not support the call (Linux does).
    with contextlib.suppress(OSError, ValueError):
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
        size: int = struct.unpack("i", answer)[0]
        return size
    return 0


class WriteFlow:
    """Tracks whether the transport's write buffer is full, and lets a writer wait for room.

    The buffer is full according to the transport's own water marks.
    """

    __slots__ = ("_loop", "_waiters", "disconnected", "full")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self.full = False
        self.disconnected = False

    def pause(self) -> None:
        """Record that the buffer is above the high-water mark."""
        self.full = True

    def resume(self) -> None:
        """Record that the buffer is below the low-water mark again, and wake the writers."""
        self.full = False
        self._wake()

    def disconnect(self) -> None:
        """Record that the transport is gone, and wake the writers, which raise."""
        self.disconnected = True
        self._wake()

    async def drain(self) -> None:
        """Wait until the buffer has room.

        Raises:
            ClientDisconnected: The client went away.
        """
        while self.full and not self.disconnected:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter
        if self.disconnected:
            raise ClientDisconnected("the client closed the connection during the response")

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
