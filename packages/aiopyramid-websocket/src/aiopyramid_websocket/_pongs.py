"""The pings that wait for their pong (RFC 6455, 5.5.2 and 5.5.3)."""

import asyncio
import secrets
import time

__all__ = ("Pongs",)


class Pongs:
    """Matches pongs with the pings of one connection.

    Args:
        loop: The event loop.
    """

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[bytes, tuple[float, asyncio.Future[float]]] = {}

    def expect(self) -> "tuple[bytes, asyncio.Future[float]]":
        """Return the payload for a new ping, and a future for the seconds until its pong."""
        payload = secrets.token_bytes(4)
        pong = self._loop.create_future()
        # Not the loop's clock, because uvloop's clock ticks in milliseconds.
        self._waiting[payload] = time.perf_counter(), pong
        return payload, pong

    def receive(self, payload: bytes) -> None:
        """Handle a pong. A client that has received several pings may answer only the last one."""
        if payload not in self._waiting:
            return  # the answer to a keepalive, or an unsolicited pong
        for each in tuple(self._waiting):
            sent_at, pong = self._waiting.pop(each)
            if not pong.done():
                pong.set_result(time.perf_counter() - sent_at)
            if each == payload:
                return

    def forget(self, payload: bytes) -> None:
        """Stop waiting for a pong."""
        self._waiting.pop(payload, None)

    def fail(self, error: Exception) -> None:
        """Raise an error in all waiting pings, because no more pongs will arrive."""
        for _, pong in self._waiting.values():
            if not pong.done():
                pong.set_exception(error)
        self._waiting.clear()
