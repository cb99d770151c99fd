"""The engine for one worker: the messages stay in its memory."""

import time
from collections import OrderedDict, deque
from typing import Final

from .engine import Entry, History, Sink
from .exceptions import EngineUnavailable

__all__ = ("MemoryEngine",)

_MAX_IDLE_GROUPS: Final = 10_000
"""Groups without members whose messages are kept: names may come from clients."""


class MemoryEngine:
    """Carries messages within one process.

    Args:
        history: How many messages of each group to keep.
        max_idle_groups: How many groups without members to keep the messages of.
    """

    is_shared = False

    def __init__(self, history: int = 100, max_idle_groups: int = _MAX_IDLE_GROUPS) -> None:
        self._history = history
        self._max_idle_groups = max_idle_groups
        self._sink: Sink | None = None
        self._streams: dict[str, _Stream] = {}
        self._idle: OrderedDict[str, None] = OrderedDict()  # groups without members, oldest first
        self._present: dict[str, dict[str, str]] = {}
        self._last_epoch = 0

    async def start(self, sink: Sink) -> None:
        """Begin."""
        self._sink = sink

    async def stop(self) -> None:
        """Forget everything."""
        self._sink = None
        self._streams.clear()
        self._idle.clear()
        self._present.clear()

    async def publish(self, group: str, data: bytes) -> str:
        """Append a message to a group and deliver it; return its identifier."""
        if self._sink is None:
            raise EngineUnavailable("the engine is not running")
        stream = self._stream(group)
        previous = stream.end
        entry = stream.append(data)
        if stream.is_subscribed:
            self._sink.receive(group, entry.id, previous, data)
        return entry.id

    async def subscribe(self, group: str) -> str:
        """Deliver the messages of a group from now on; return the position of its end."""
        stream = self._stream(group)
        stream.is_subscribed = True
        self._idle.pop(group, None)
        return stream.end

    def unsubscribe(self, group: str) -> None:
        """Deliver no more messages of a group."""
        if (stream := self._streams.get(group)) is not None:
            stream.is_subscribed = False
            self._touch(group)

    async def history(self, group: str, after: str | None) -> History:
        """Return the messages of a group after an identifier or position; None for all."""
        stream = self._stream(group)
        entries = list(stream.entries)
        if after is None:
            return History(entries, True, stream.end)
        if after == stream.start:
            return History(entries, True, stream.end)
        for index, entry in enumerate(entries):
            if entry.id == after:
                return History(entries[index + 1 :], True, stream.end)
        return History(entries, False, stream.end)

    def set_present(self, group: str, member: str, who: str | None) -> None:
        """Make a member visible, or invisible if ``who`` is None."""
        members = self._present.setdefault(group, {})
        if who is not None:
            members[member] = who
        else:
            members.pop(member, None)
        if not members:
            del self._present[group]

    async def present(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group."""
        return list(self._present.get(group, {}).values())

    def _stream(self, group: str) -> "_Stream":
        stream = self._streams.get(group)
        if stream is None:
            # Different each time, so that identifiers of a stream that is forgotten are not found.
            self._last_epoch = max(self._last_epoch + 1, time.time_ns() // 1_000_000)
            stream = self._streams[group] = _Stream(self._last_epoch, self._history)
        if not stream.is_subscribed:
            self._touch(group)
        return stream

    def _touch(self, group: str) -> None:
        self._idle[group] = None
        self._idle.move_to_end(group)
        if len(self._idle) > self._max_idle_groups:
            forgotten, _ = self._idle.popitem(last=False)
            del self._streams[forgotten]


class _Stream:
    """The latest messages of one group.

    Attributes:
        start: The position before the oldest message that is kept.
        end: The position after the last message.
        entries: The messages.
        is_subscribed: Whether they are delivered.
    """

    __slots__ = ("_epoch", "_number", "end", "entries", "is_subscribed", "start")

    def __init__(self, epoch: int, history: int) -> None:
        self._epoch = epoch
        self._number = 0
        self.start = self.end = f"{epoch}-0"
        self.entries: deque[Entry] = deque(maxlen=history)
        self.is_subscribed = False

    def append(self, data: bytes) -> Entry:
        self._number += 1
        entry = Entry(f"{self._epoch}-{self._number}", data)
        if len(self.entries) == self.entries.maxlen:
            self.start = self.entries[0].id
        self.entries.append(entry)
        self.end = entry.id
        return entry
