"""The members of one group on this worker, and the order in which they get its messages.

The engine numbers the messages and says with each which one came before it. While that is the last
one that the members got, messages are delivered at once. If it is another one, messages are
missing: those that arrive are held back, the missing ones are fetched from the engine's history,
and members are told if the history does not reach that far.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ._counters import counters
from ._histories import Histories, Missed
from ._message import GroupMessage, decode
from .engine import Engine, Entry, History, order_of
from .exceptions import EngineUnavailable

__all__ = ("Channel", "Member")

_log = logging.getLogger("aiopyramid_groups")

_NOTHING: Final = (-1, -1)
"""An order before that of all messages."""

_RETRY_SECONDS: Final = 1.0
"""How long to wait while the engine cannot answer; usually it calls when it can."""

_MOST_HELD: Final = 1000
"""Messages held back; those before are fetched from the history once more."""


class Member(Protocol):
    """A member of a group on this worker. None of these methods waits."""

    def hold(self) -> None:
        """Keep messages until :meth:`release`."""

    def release(
        self, history: Sequence[GroupMessage], is_complete: bool, seen: tuple[int, int]
    ) -> None:
        """Deliver the messages of the history, and after them those that were held.

        Args:
            history: The messages.
            is_complete: Whether none is missing before, between and after them.
            seen: The order of the last message that the client has got then. Those that were held
                and are not after it are not delivered again.
        """

    def deliver(self, message: GroupMessage) -> None:
        """Deliver a message."""

    def resync(self) -> None:
        """Tell the member that messages may be missing at this place."""

    def fail(self) -> None:
        """Disconnect the client: a message could not be delivered because of an exception."""


class Channel:
    """The members of one group on this worker.

    Args:
        name: The name of the group.
        engine: Carries its messages.
        spawn: Starts a coroutine as a task.

    Attributes:
        members: The members, in the order in which they joined.
    """

    __slots__ = (
        "_engine",
        "_has_absent_time",
        "_held",
        "_histories",
        "_is_catching_up",
        "_is_closed",
        "_must_repeat",
        "_position",
        "_ready",
        "_recent",
        "_retry",
        "_seen",
        "_spawn",
        "members",
        "name",
    )

    def __init__(self, name: str, engine: Engine, spawn: Callable[..., None]) -> None:
        self.name = name
        self._engine = engine
        self._histories = Histories(engine, name)
        self._spawn = spawn
        self.members: dict[Member, None] = {}
        self._position: str | None = None  # of the last message that was delivered
        self._has_absent_time = False  # members have joined while nothing could be delivered
        self._held: deque[tuple[str, str, bytes]] | None = deque(maxlen=_MOST_HELD)
        self._recent: frozenset[str] = frozenset()  # identifiers that the last history contained
        self._seen: dict[Member, tuple[int, int]] = {}  # by members that are ahead of the others
        self._is_catching_up = False
        self._is_closed = False
        self._must_repeat = False
        self._ready = asyncio.Event()  # unless catching up
        self._retry: asyncio.TimerHandle | None = None

    # --- Members ------------------------------------------------------------------------------

    async def join(self, member: Member, after: str | None) -> None:
        """Add a member.

        Args:
            member: The member.
            after: The identifier of the last message that it has seen; None to begin now.
        """
        member.hold()
        self.members[member] = None
        counters.members += 1
        try:
            await self._ready.wait()
            missed, seen = await self._missed(after)
        except BaseException:
            self.leave(member)
            raise
        if seen > _NOTHING:
            # This worker may get some of these messages later than the history.
            self._seen[member] = seen
        counters.delivered += len(missed.messages)
        counters.resyncs += not missed.is_complete
        member.release(missed.messages, missed.is_complete, seen)

    def leave(self, member: Member) -> None:
        """Remove a member, if it is one."""
        if member in self.members:
            del self.members[member]
            counters.members -= 1
        self._seen.pop(member, None)

    async def _missed(self, after: str | None) -> tuple[Missed, tuple[int, int]]:
        """Return what a new member has missed, and the order of the last message it has then."""
        if after is None:
            return Missed((), is_complete=True), _NOTHING
        if after == self._position and self._held is None:
            return Missed((), is_complete=True), order_of(after)
        seen = _NOTHING
        # Clients send the identifier, so it may be anything.
        with contextlib.suppress(ValueError, EngineUnavailable):
            seen = order_of(after)
            missed = await self._histories.after(after)
            if not missed.is_complete:
                seen = _NOTHING  # perhaps it is an identifier that there has never been
            if missed.messages:
                seen = order_of(missed.messages[-1].id)
            return missed, seen
        return Missed((), is_complete=False), seen

    # --- Messages -----------------------------------------------------------------------------

    def receive(self, id: str, previous: str, data: bytes) -> None:
        """Take a message from the engine."""
        if self._held is not None:
            self._held.append((id, previous, data))
        elif previous == self._position:
            self._position = id
            self._deliver(decode(Entry(id, data)))
        elif id not in self._recent:
            self._held = deque([(id, previous, data)], maxlen=_MOST_HELD)
            self.catch_up()

    def catch_up(self) -> None:
        """Hold messages back until the missing ones have been delivered."""
        self._hold()
        if self._is_catching_up:
            self._must_repeat = True
            return
        self._is_catching_up = True
        self._ready.clear()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._spawn(self._catch_up(), name=f"catching up with the group {self.name!r}")

    def _hold(self) -> None:
        if self._held is None:
            self._held = deque(maxlen=_MOST_HELD)

    async def _catch_up(self) -> None:
        try:
            self._must_repeat = True
            while self._must_repeat:
                self._must_repeat = False
                self._hold()  # again, since the time before has ended with a delivery
                await self._fetch()
        except EngineUnavailable:
            self._has_absent_time = True
            if not self._is_closed:
                loop = asyncio.get_running_loop()
                self._retry = loop.call_later(_RETRY_SECONDS, self.catch_up)
        finally:
            self._is_catching_up = False
            self._ready.set()

    async def _fetch(self) -> None:
        known = self._position
        end = await self._engine.subscribe(self.name)
        if known is None:
            # Until now nobody could have been told of a message, unless Redis was away.
            history = History((), not self._has_absent_time, end)
        elif known == end:
            history = History((), True, end)
        else:
            history = await self._engine.history(self.name, known)
        if not history.is_complete:
            _log.info("The members of the group %r may have missed messages", self.name)
            counters.resyncs += len(self.members)
            for member in tuple(self.members):
                member.resync()
        for entry in history.entries:
            self._deliver(decode(entry))
        self._seen.clear()
        self._has_absent_time = False
        self._position = history.end
        self._recent = frozenset(entry.id for entry in history.entries)
        self._go_on()

    def _go_on(self) -> None:
        """Deliver what was held, as far as the history did not contain it."""
        held, self._held = self._held or deque(), None
        assert self._position is not None
        fetched = order_of(self._position)
        for id, previous, data in held:
            if order_of(id) > fetched:
                self.receive(id, previous, data)

    def _deliver(self, message: GroupMessage) -> None:
        """Deliver a message to all but those that had it before, from the history for example."""
        seen = self._seen
        order = order_of(message.id) if seen else _NOTHING
        counters.delivered += len(self.members)
        for member in tuple(self.members):
            if seen and order <= seen.get(member, _NOTHING):
                counters.delivered -= 1
                continue
            try:
                member.deliver(message)
            except Exception:
                self._fail(member)
        if seen:
            self._seen = {member: last for member, last in seen.items() if last > order}

    def _fail(self, member: Member) -> None:
        """Disconnect a member whose exception is being handled: the others need the message."""
        _log.exception("A member of the group %r has failed, and is disconnected", self.name)
        self.leave(member)
        member.fail()

    def close(self) -> None:
        """Stop trying to catch up: the last member has left."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
