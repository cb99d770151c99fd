"""Back-pressure on the writing side: wait until a slow client has read what was written."""

import asyncio

from .exceptions import ClientDisconnected

__all__ = ("WriteFlow",)


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
