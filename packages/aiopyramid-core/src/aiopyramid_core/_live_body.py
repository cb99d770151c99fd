"""A request's body that the application reads while it arrives.

The server feeds it on the event loop, and stops reading from the client while it is full.
Coroutines await its parts; synchronous code reads it as a file, and waits through the bridge.
"""

import asyncio
import io
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from .awaiting import await_
from .exceptions import BodyTooSlow, UploadAborted

__all__ = ("LiveBody", "LiveInput")

_FULL_BYTES: Final = 256 << 10
"""How much may wait for the application before the server stops reading."""


class _Limits(Protocol):
    def check(self, length_bytes: int) -> None:
        """Raise an error if a body is too long."""


class LiveBody:
    """The body of one request, which begins before it is complete; used on the event loop.

    Args:
        limits: How long it may be.
        arrived: The bytes that have arrived already.
        missing_bytes: How many of its announced bytes are still to come; 0 if none were announced.
        longest_wait: Takes how many bytes have arrived and for how many seconds the application has
            waited for them; returns for how many seconds it may wait for the next ones.

    Attributes:
        length_bytes: How many bytes of it have arrived.
        missing_bytes: See above.
        is_complete: Whether it has arrived completely.
        is_full: Whether the server must stop reading; if so, ``on_room`` follows.
        on_first_read: Called before the application waits for the first time, or None.
        on_room: Called when the server may resume reading, or None.
    """

    __slots__ = (
        "_error",
        "_held_bytes",
        "_limits",
        "_lock",
        "_longest_wait",
        "_parts",
        "_waited_seconds",
        "_waiter",
        "is_complete",
        "is_full",
        "length_bytes",
        "missing_bytes",
        "on_first_read",
        "on_room",
    )

    def __init__(
        self,
        limits: _Limits,
        arrived: bytes,
        missing_bytes: int,
        longest_wait: Callable[[int, float], float],
    ) -> None:
        self._limits = limits
        self._parts = deque([arrived] if arrived else [])
        self._held_bytes = len(arrived)
        self._longest_wait = longest_wait
        self._waited_seconds = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self._error: BaseException | None = None
        self.is_full = len(arrived) >= _FULL_BYTES
        self.length_bytes = len(arrived)
        self.missing_bytes = missing_bytes
        self.is_complete = False
        self.on_first_read: Callable[[], object] | None = None
        self.on_room: Callable[[], object] | None = None

    # --- Called by the server -----------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Append data that has arrived.

        Args:
            data: The data. If it is empty, nothing happens.

        Raises:
            ContentTooLarge: The body is longer than allowed.
        """
        self.length_bytes += len(data)
        self.missing_bytes = max(0, self.missing_bytes - len(data))
        self._limits.check(self.length_bytes)
        if data and self._error is None:  # an empty part would be taken for the end
            self._parts.append(data)
            self._held_bytes += len(data)
            self.is_full = self.is_full or self._held_bytes >= _FULL_BYTES
            self._wake()

    def end(self) -> None:
        """Record that the body is complete."""
        self.is_complete = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """Have the application get an exception when it reads on.

        Args:
            error: The exception.
        """
        if self._error is None and not self.is_complete:
            self._error = error
            self._wake()

    def lose(self) -> None:
        """Record that the client has gone."""
        self.fail(
            UploadAborted(
                f"the client closed the connection after {self.length_bytes} bytes of the request"
                " body"
            )
        )

    def offer(self, environ: dict[str, Any]) -> None:
        """Make the body the ``wsgi.input`` of a request.

        Args:
            environ: The environ of the request.
        """
        environ["wsgi.input"] = LiveInput(self)

    def close(self) -> None:
        """Release the memory; a reader that waits gets an exception."""
        self.lose()
        self.on_first_read = self.on_room = None
        self._parts.clear()
        self._held_bytes = 0
        self.is_full = False

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- Called for the application -----------------------------------------------------------

    async def part(self, most_bytes: int) -> bytes:
        """Wait for the next bytes.

        Args:
            most_bytes: How many, at most.

        Returns:
            At least one byte; none at the end of the body.

        Raises:
            BodyTooSlow: The client has paused for too long.
            RequestError: The client has sent something unacceptable.
            UploadAborted: The client disconnected before the end of the body.
        """
        async with self._lock:
            while not self._parts:
                if self._error is not None:
                    raise self._error
                if self.is_complete:
                    return b""
                await self._wait()
            return self._take(most_bytes)

    def _take(self, most_bytes: int) -> bytes:
        part = self._parts.popleft()
        if len(part) > most_bytes:
            self._parts.appendleft(part[most_bytes:])
            part = part[:most_bytes]
        self._held_bytes -= len(part)
        if self.is_full and self._held_bytes <= _FULL_BYTES // 2:
            self.is_full = False
            if self.on_room is not None:
                self.on_room()
        return part

    async def _wait(self) -> None:
        if self.on_first_read is not None:
            on_first_read, self.on_first_read = self.on_first_read, None
            on_first_read()
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        began = loop.time()
        seconds = self._longest_wait(self.length_bytes, self._waited_seconds)
        timer = loop.call_later(max(0.0, seconds), self._expire) if seconds < _FOREVER else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._waited_seconds += loop.time() - began
            if timer is not None:
                timer.cancel()

    def _expire(self) -> None:
        self.fail(BodyTooSlow("the request took too long to arrive"))


_FOREVER: Final = float("inf")


class _RawInput(io.RawIOBase):
    def __init__(self, body: LiveBody) -> None:
        self.body = body
        self.was_read = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.was_read = True
        part = await_(self.body.part(len(buffer)))
        buffer[: len(part)] = part
        return len(part)

    def readall(self) -> bytes:
        self.was_read = True
        return await_(self._rest())

    async def _rest(self) -> bytes:
        parts = []
        while part := await self.body.part(_FULL_BYTES):
            parts.append(part)
        return b"".join(parts)


class LiveInput(io.BufferedReader):
    """A live body as a file, for synchronous code; may be read in any thread of the request.

    Args:
        body: The body.
    """

    def __init__(self, body: LiveBody) -> None:
        self._input = _RawInput(body)
        super().__init__(self._input)

    @property
    def live_body(self) -> LiveBody | None:
        """The body for coroutines; None if a part of it is in this file's buffer."""
        return None if self._input.was_read else self._input.body
