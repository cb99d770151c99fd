"""The writing side of a connection: few writes, and waiting while the client does not keep up.

A burst of messages that arrives in one read, and is answered, costs one system call and not one for
each answer: what is sent then is written in one piece at the end of the event loop's turn. What is
sent at other times is written at once. For a broadcast to thousands of connections, thousands of
writes that wait for the next turn would be half of the cost.
"""

import asyncio
from typing import Final

__all__ = ("Writer",)

_FLUSH_BYTES: Final = 64 << 10
"""Unwritten bytes that are written at once: as much as a transport takes before it says stop."""

_MOST_IN_A_ROW: Final = 128
"""How often something is sent before the others have their turn: some milliseconds of work."""


class Writer:
    """Collects what is to be sent, and writes it.

    Args:
        loop: The event loop.
        transport: Where to write.

    Attributes:
        transport: The same.
    """

    __slots__ = (
        "_corked",
        "_finished",
        "_in_a_row",
        "_late",
        "_loop",
        "_message_lock",
        "_parts",
        "_size_bytes",
        "_writable",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self.transport = transport
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._corked = False
        self._in_a_row = 0
        self._writable: asyncio.Event | None = None  # while there is no room
        self._finished = False
        self._late: bytes | None = None
        # Most connections never need it.
        self._message_lock: asyncio.Lock | None = None

    @property
    def is_full(self) -> bool:
        """Whether the client has to read before more is sent."""
        return self._writable is not None

    def post(self, parts: list[bytes]) -> None:
        """Have bytes written: now, or with what else is to be written in this turn of the loop."""
        self._in_a_row += 1
        if not self._corked:
            self.transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
            return
        for part in parts:
            self._parts.append(part)
            self._size_bytes += len(part)
        if self._size_bytes >= _FLUSH_BYTES:
            self.flush()

    def post_late(self, pongs: list[bytes]) -> None:
        """Have the last of some pongs written when there is room, unless later ones replace it.

        RFC 6455, 5.5.3 lets us answer the last ping only.
        """
        if pongs:
            self._late = pongs[-1]

    def cork(self) -> None:
        """Write nothing before all callbacks that are due already have run."""
        if not self._corked:
            self._corked = True
            self._loop.call_soon(self._uncork)

    def _uncork(self) -> None:
        self._corked = False
        self.flush()

    def flush(self) -> None:
        """Write now."""
        parts = self._parts
        if parts:
            self._parts = []
            self._size_bytes = 0
            self.transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def finish(self) -> None:
        """Write now, no late pong behind it, and have nobody wait for room."""
        self._late = None
        self.flush()
        self._finished = True
        if self._writable is not None:
            self._writable.set()

    # --- Waiting ------------------------------------------------------------------------------

    @property
    def is_in_message(self) -> bool:
        """Whether somebody sends a message in fragments, and others have to wait."""
        return self._message_lock is not None and self._message_lock.locked()

    def message_lock(self) -> asyncio.Lock:
        """Return the lock to hold from the first fragment of a message to the last."""
        if self._message_lock is None:
            self._message_lock = asyncio.Lock()
        return self._message_lock

    @property
    def must_be_waited_for(self) -> bool:
        """Whether a message has to wait for its turn."""
        return self._writable is not None or self.is_in_message or self._in_a_row >= _MOST_IN_A_ROW

    async def _let_others_go_on(self) -> None:
        """Let the event loop have a turn now and then, though there is room.

        A client that reads as fast as we write, or one that has gone, of which the transport does
        not tell before the loop's next turn, leaves whoever sends in a loop nothing to wait for.
        """
        if self._in_a_row >= _MOST_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)

    async def wait_room(self) -> None:
        """Wait until there is room for more, or nothing can be sent any more.

        All who wait are woken at once. The first takes the room, and the others wait on.
        """
        await self._let_others_go_on()
        while self._writable is not None and not self._finished:
            await self._writable.wait()

    async def wait_turn(self) -> None:
        """Wait for room that is not in the middle of another message."""
        await self._let_others_go_on()
        while not self._finished:
            if self._writable is not None:
                await self._writable.wait()
            elif self.is_in_message:
                async with self.message_lock():
                    pass  # the next one may have begun already
            else:
                return

    # --- Called by the connection -------------------------------------------------------------

    def pause(self) -> None:
        """The transport has no room."""
        self._writable = asyncio.Event()

    def resume(self) -> None:
        """The transport has room again."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        late, self._late = self._late, None
        if late is not None:
            self.post([late])

    def lose(self) -> None:
        """The transport is gone: nothing is written any more, and nobody waits for room."""
        self._parts.clear()
        self.finish()
