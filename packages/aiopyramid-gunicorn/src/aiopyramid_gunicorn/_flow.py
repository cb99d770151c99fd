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
    """Return how much of what was written has still to be sent; 0 only if all has been.

    A transport with TLS does not tell what it has handed down to the one of the socket, which may
    be 64 KiB. As long as there is any, the system's own queue is not empty. That one is asked then;
    what a transport without TLS has left there, the system sends by itself.

    Args:
        transport: The transport.
        past_transport: Whether something is being sent past the transport, which knows
            nothing of it.
    """
    size = transport.get_write_buffer_size()
    if size or (transport.can_write_eof() and not past_transport):
        return size
    return _queued_bytes(transport.get_extra_info("socket"))


def _queued_bytes(sock: Any) -> int:
    """Return how many bytes in the system's queue a client has not acknowledged."""
    # The socket may be closed, or the system may not know (it is for Linux to answer).
    with contextlib.suppress(OSError, ValueError):
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
        size: int = struct.unpack("i", answer)[0]
        return size
    return 0


class WriteFlow:
    """Knows whether the transport's write buffer is full, and lets a writer wait for room.

    The transport's own water marks decide what full means.
    """

    __slots__ = ("_loop", "_waiters", "disconnected", "full")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self.full = False
        self.disconnected = False

    def pause(self) -> None:
        """The buffer is above the high-water mark."""
        self.full = True

    def resume(self) -> None:
        """The buffer is below the low-water mark again."""
        self.full = False
        self._wake()

    def disconnect(self) -> None:
        """The transport is gone; whoever waits for room is told."""
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
