"""The inbox, in which messages wait for the handler, or the handler waits for messages."""

import asyncio
import math
from collections.abc import Callable

from ._messages import Message
from .exceptions import AlreadyReceiving

__all__ = ("Inbox", "MessageQueue")


class MessageQueue:
    """The messages that have arrived and that the handler has not taken yet.

    Two lists instead of a :class:`collections.deque`: an empty deque takes 600 bytes, and most
    queues are empty most of the time.

    Args:
        max_messages: Number of messages at which the queue is full.
        max_bytes: Total size at which it is full, in characters or bytes; None for no limit.

    Attributes:
        count: The number of waiting messages.
        is_full: Whether nothing more should be read from the client for now.
    """

    __slots__ = (
        "_arrived",
        "_max_bytes",
        "_max_messages",
        "_ready",
        "_waiting_bytes",
        "count",
        "is_full",
    )

    def __init__(self, max_messages: int, max_bytes: int | None) -> None:
        self._max_messages = max_messages
        self._max_bytes = math.inf if max_bytes is None else max_bytes
        self._waiting_bytes = 0
        self.count = 0
        self.is_full = False
        self._arrived: list[Message] = []
        self._ready: list[Message] = []  # the oldest last

    def put(self, message: Message) -> None:
        """Append a message, even if the queue is full."""
        self.count += 1
        self._waiting_bytes += len(message)
        self._arrived.append(message)
        self.is_full = self.count >= self._max_messages or self._waiting_bytes >= self._max_bytes

    def take(self) -> Message:
        """Remove the oldest message and return it.

        Raises:
            IndexError: The queue is empty.
        """
        ready = self._ready
        if not ready:
            ready = self._ready = self._arrived
            ready.reverse()
            self._arrived = []
        message = ready.pop()
        self.count -= 1
        self._waiting_bytes -= len(message)
        self.is_full = self.count >= self._max_messages or self._waiting_bytes >= self._max_bytes
        return message

    @property
    def is_low(self) -> bool:
        """Whether a queue that was full has enough room to continue reading."""
        return 2 * self.count <= self._max_messages and 2 * self._waiting_bytes <= self._max_bytes


class Inbox(MessageQueue):
    """The messages of one connection on their way to its handler.

    A subclass instead of an object that has a queue: a call less for each message, twice.

    Args:
        loop: The event loop.
        max_messages: Number of messages at which the inbox is full.
        max_bytes: Total size at which it is full, in characters or bytes; None for no limit.
    """

    __slots__ = ("_ended", "_loop", "_on_low", "_receiver")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, max_messages: int, max_bytes: int | None
    ) -> None:
        super().__init__(max_messages, max_bytes)
        self._loop = loop
        self._receiver: asyncio.Future[None] | None = None
        self._on_low: Callable[[], object] | None = None
        self._ended = False

    # --- Called by the connection -------------------------------------------------------------

    def end(self) -> None:
        """Record that no more messages will arrive."""
        self._ended = True
        self._on_low = None

    def wake(self) -> bool:
        """Wake the waiting handler if there is a reason; return whether it was woken."""
        receiver = self._receiver
        if receiver is None or receiver.done() or not (self.count or self._ended):
            return False
        receiver.set_result(None)
        return True

    def when_low(self, callback: Callable[[], object]) -> None:
        """Register a callback, called once, for when there is enough room to continue reading."""
        self._on_low = callback

    # --- Called by the handler ----------------------------------------------------------------

    async def receive(self) -> Message | None:
        """Wait for the next message; return None if no more will arrive.

        Raises:
            AlreadyReceiving: Another task is waiting.
        """
        if self._receiver is not None:
            raise AlreadyReceiving
        while not self.count:
            if self._ended:
                return None
            self._receiver = self._loop.create_future()
            try:
                # Only a signal: a message as the future's result would be lost if the wait was
                # cancelled in the same iteration of the loop.
                await self._receiver
            finally:
                self._receiver = None
        message = self.take()
        if self._on_low is not None and self.is_low:
            on_low, self._on_low = self._on_low, None
            on_low()
        return message
