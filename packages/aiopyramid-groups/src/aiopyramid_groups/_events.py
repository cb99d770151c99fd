"""Event streams that are members of a group."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiopyramid_core.streaming import EventChannel, ServerSentEvent

from ._counters import counters
from ._message import GroupMessage, Slow
from .engine import order_of

__all__ = ("GroupEvents",)

_RESYNC: Final = ServerSentEvent(event="resync").encode()
"""Tells the client that messages may be missing at this place."""


class GroupEvents(EventChannel):
    """The messages of a group, for :class:`~aiopyramid_core.streaming.EventStreamResponse`.

    Args:
        join: Makes the stream a member; returns the function that ends this.
        limit, slow, kind: As for :meth:`.Group.events`.
        history: How many messages a group keeps.

    Attributes:
        dropped: How many messages were left out, because the client did not keep up.
        is_recovered: Whether the stream began with all messages since ``Last-Event-ID``.
    """

    def __init__(
        self,
        join: Callable[["GroupEvents"], Awaitable[Callable[[], None]]],
        *,
        limit: int,
        history: int,
        slow: Slow,
        kind: str | None,
    ) -> None:
        if kind is not None:
            ServerSentEvent(event=kind)  # so that an invalid type is told here
        # The history, or what was held in the meantime, and a queue of messages after it.
        super().__init__(limit + history + 1)
        self._join = join
        self._leave: Callable[[], None] | None = None
        self._queue_limit = limit
        self._slow = slow
        self._kind = kind
        self._held: list[GroupMessage | None] | None = None
        self.dropped = 0
        self.is_recovered = True

    # --- Called by the response ---------------------------------------------------------------

    async def open(self) -> None:
        """Join the group."""
        self._leave = await self._join(self)

    def close(self) -> None:
        """Leave the group."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    # --- Called by the channel ----------------------------------------------------------------

    def hold(self) -> None:
        """Keep messages until :meth:`release`."""
        self._held = []

    def release(
        self, history: Sequence[GroupMessage], is_complete: bool, seen: tuple[int, int]
    ) -> None:
        """Deliver the messages of the history, and after them those that were held."""
        held, self._held = self._held or [], None
        self.is_recovered = is_complete
        if not is_complete:
            self.put(_RESYNC)
        for message in history:
            self.put(message.event(self._kind))
        for item in held:
            if item is None:
                self.resync()
            elif order_of(item.id) > seen:
                self.put(item.event(self._kind))

    def deliver(self, message: GroupMessage) -> None:
        """Deliver a message."""
        if self._held is not None:
            if len(self._held) >= self._queue_limit:
                self._held[:2] = [None]
                self.dropped += 1
                counters.dropped += 1
            self._held.append(message)
            return
        if len(self.waiting) >= self._queue_limit:
            if self._slow == "close":
                counters.closed += 1
                # The client connects again, and resumes after the last event that it has got.
                self.end()
                return
            self._drop_oldest()
        self.put(message.event(self._kind))

    def resync(self) -> None:
        """Tell the client that messages may be missing at this place."""
        if self._held is not None:
            self._held.append(None)
        elif not (self.waiting and self.waiting[-1] is _RESYNC) and not self.put(_RESYNC):
            self.end()

    def fail(self) -> None:
        """End the stream: a message could not be delivered because of an exception."""
        self.end()

    def _drop_oldest(self) -> None:
        """Put the sign that messages are missing in the place of the oldest ones."""
        while self.waiting and self.waiting[0] is _RESYNC:
            self.waiting.popleft()
        self.waiting.popleft()
        self.waiting.appendleft(_RESYNC)
        self.dropped += 1
        counters.dropped += 1
