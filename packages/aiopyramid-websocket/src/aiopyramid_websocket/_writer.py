"""The writing side of a connection: few writes, and waiting while the client does not keep up.

The answers to a burst of messages that arrives in one read cost one system call, not one for each
answer: they are written in one piece at the end of the event loop's iteration. Data that is sent at
other times is written at once. In a broadcast to thousands of connections, delaying the writes to
the next iteration would be half of the cost. The first answer to a single message is written at
once, too, since there is often no other one; all further ones are written in one piece.
"""

import asyncio
from typing import Final

__all__ = ("Writer",)

_FLUSH_BYTES: Final = 64 << 10
"""Unwritten bytes that are written at once: as much as a transport buffers before it pauses us."""

_MOST_IN_A_ROW: Final = 128
"""How often data is sent before other tasks get a turn: some milliseconds of work."""


class Writer:
    """Collects the data to be sent, and writes it.

    Args:
        loop: The event loop.
        transport: The transport to write to.

    Attributes:
        transport: The transport to write to.
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
        "_until_cork",
        "_writable",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self.transport = transport
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._corked = False
        self._until_cork = 0  # writes; the last of them is corked, and 0 is for none
        self._in_a_row = 0
        self._writable: asyncio.Event | None = None  # while there is no room
        self._finished = False
        self._late: bytes | None = None
        # Most connections never need it.
        self._message_lock: asyncio.Lock | None = None

    @property
    def is_full(self) -> bool:
        """Whether the client must read before more is sent."""
        return self._writable is not None

    def post(self, parts: list[bytes]) -> None:
        """Write some pieces; see :meth:`write`."""
        self.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def write(self, data: bytes) -> None:
        """Write bytes now or, while corked, together with others in this loop iteration."""
        self._in_a_row += 1
        if self._until_cork:
            self._until_cork -= 1
            if not self._until_cork:
                self.cork()
        if not self._corked:
            self.transport.write(data)
            return
        self._parts.append(data)
        self._size_bytes += len(data)
        if self._size_bytes >= _FLUSH_BYTES:
            self.flush()

    def post_late(self, pongs: list[bytes]) -> None:
        """Write the last of some pongs when there is room, unless later ones replace it.

        RFC 6455, 5.5.3 allows us to answer only the last ping.
        """
        if pongs:
            self._late = pongs[-1]

    def cork(self) -> None:
        """Write nothing until all callbacks that are already due have run."""
        if not self._corked:
            self._corked = True
            self._loop.call_soon(self._uncork)

    def cork_second(self) -> None:
        """Write the next data at once, and cork if more is written after that."""
        self._until_cork = 2

    def _uncork(self) -> None:
        self._corked = False
        self.flush()

    def flush(self) -> None:
        """Write the collected data now."""
        parts = self._parts
        if parts:
            self._parts = []
            self._size_bytes = 0
            self.transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def finish(self) -> None:
        """Write the collected data now, drop a late pong, and wake the tasks that wait for room."""
        self._late = None
        self.flush()
        self._finished = True
        if self._writable is not None:
            self._writable.set()

    # --- Waiting ------------------------------------------------------------------------------

    @property
    def is_in_message(self) -> bool:
        """Whether a task is sending a message in fragments, so that others have to wait."""
        return self._message_lock is not None and self._message_lock.locked()

    def message_lock(self) -> asyncio.Lock:
        """Return the lock that must be held from the first to the last fragment of a message."""
        if self._message_lock is None:
            self._message_lock = asyncio.Lock()
        return self._message_lock

    @property
    def must_be_waited_for(self) -> bool:
        """Whether a message has to wait for its turn."""
        lock = self._message_lock
        return (
            self._writable is not None
            or self._in_a_row >= _MOST_IN_A_ROW
            or (lock is not None and lock.locked())
        )

    async def _let_others_go_on(self) -> None:
        """Yield to the event loop now and then, even if there is room.

        A task that sends in a loop never waits if the client reads as fast as we write. The same
        is true if the client has gone, because the transport does not report that before the
        loop's next iteration.
        """
        if self._in_a_row >= _MOST_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)

    async def wait_room(self) -> None:
        """Wait until there is room for more, or until nothing can be sent any more.

        All waiting tasks are woken at once. The first takes the room, and the others wait again.
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
        """Record that the transport has no room."""
        self._writable = asyncio.Event()

    def resume(self) -> None:
        """Wake the waiting tasks: the transport has room again."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        late, self._late = self._late, None
        if late is not None:
            self.write(late)

    def lose(self) -> None:
        """Drop everything: the transport is gone. Tasks that wait for room are woken."""
        self._parts.clear()
        self.finish()
