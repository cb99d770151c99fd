"""WebSockets that are members of a group: messages at once, or in a bounded queue."""

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Final

from aiopyramid_websocket import WebSocket, WebSocketClosed

from ._counters import counters
from ._message import Envelope, GroupMessage, Slow
from .engine import order_of

__all__ = ("WebSocketMember",)

_log = logging.getLogger("aiopyramid_groups")

_TRY_AGAIN_LATER: Final = 1013
"""The close code for a client that does not keep up; it may connect again."""

_INTERNAL_ERROR: Final = 1011

_MOST_AT_ONCE: Final = 32
"""How many messages are sent before other tasks get a turn: a few milliseconds of work."""


class _Mark(enum.Enum):
    RESYNC = "messages may be missing here"


class WebSocketMember:
    """A WebSocket that is a member of a group.

    A member that keeps up has neither a queue nor a Task: each message is written to its connection
    at once. A Task sends the messages of one that does not, until it has caught up.

    Attributes:
        dropped: How many messages were left out, because the client did not keep up.
        is_recovered: Whether the member has got all messages since ``after``, when it joined.
        resyncs: How often messages may have been missed.
    """

    __slots__ = (
        "_context",
        "_envelope",
        "_has_left",
        "_is_direct",
        "_is_held",
        "_is_sending",
        "_limit",
        "_must_resync",
        "_on_resync",
        "_queue",
        "_slow",
        "_spawn",
        "_task",
        "_ws",
        "dropped",
        "is_recovered",
        "resyncs",
    )

    def __init__(
        self,
        ws: WebSocket,
        spawn: Callable[..., None],
        *,
        limit: int,
        slow: Slow,
        on_resync: Callable[[], Awaitable[object]] | None,
        envelope: Envelope | None,
    ) -> None:
        self._ws = ws
        self._spawn = spawn
        self._limit = limit
        self._slow = slow
        self._on_resync = on_resync
        self._envelope = envelope
        self._context = copy_context()  # of the handler, in which on_resync runs
        self._queue: deque[GroupMessage | _Mark] = deque()
        self._is_direct = True  # nothing waits, and nothing is being sent
        self._is_held = False
        self._is_sending = False
        self._must_resync = False
        self._has_left = False
        self._task: asyncio.Task[object] | None = None
        self.dropped = 0
        self.is_recovered = True
        self.resyncs = 0

    # --- Called by the channel ----------------------------------------------------------------

    def hold(self) -> None:
        """Keep messages until :meth:`release`."""
        self._is_held = True
        self._is_direct = False

    def release(
        self, history: Sequence[GroupMessage], is_complete: bool, seen: tuple[int, int]
    ) -> None:
        """Deliver the messages of the history, and after them those that were held."""
        held = [item for item in self._queue if isinstance(item, _Mark) or order_of(item.id) > seen]
        self._queue = deque(history)
        self._queue.extend(held)
        self.is_recovered = is_complete
        self._must_resync |= not is_complete
        self._is_held = False
        if not self._must_resync:
            self._post_some()
        if self._queue or self._must_resync:
            self._start()
        else:
            self._is_direct = not self._has_left

    def deliver(self, message: GroupMessage) -> None:
        """Deliver a message."""
        if self._is_direct and self._ws.post(message.broadcast(self._envelope)):
            return
        if self._has_left or self._ws.closed:
            return
        if len(self._queue) >= self._limit:
            if self._slow == "close" and not self._is_held:
                counters.closed += 1
                self._close(_TRY_AGAIN_LATER, "the client does not keep up")
                return
            self._drop_oldest()
        self._queue.append(message)
        self._start()

    def resync(self) -> None:
        """Tell the member that messages may be missing at this place."""
        if self._has_left or (self._queue and self._queue[-1] is _Mark.RESYNC):
            return
        self._queue.append(_Mark.RESYNC)
        self._start()

    def fail(self) -> None:
        """Disconnect the client: a message could not be delivered because of an exception."""
        self._close(_INTERNAL_ERROR, "internal error")

    # --- Called by the group ------------------------------------------------------------------

    def leave(self) -> None:
        """Deliver nothing more."""
        self._has_left = True
        self._queue.clear()
        self._must_resync = False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    # --- Private ------------------------------------------------------------------------------

    def _drop_oldest(self) -> None:
        while type(self._queue.popleft()) is _Mark:
            pass
        self.dropped += 1
        counters.dropped += 1
        self._must_resync = True

    def _post_some(self) -> None:
        """Send what waits without a Task if it is little: most clients have missed few messages."""
        try:
            for _ in range(_MOST_AT_ONCE):
                if not self._queue or isinstance(item := self._queue[0], _Mark):
                    break
                if not self._ws.post(item.broadcast(self._envelope)):
                    break
                self._queue.popleft()
        except Exception:
            self._fail_with_log()

    def _fail_with_log(self) -> None:
        _log.exception("A member of a group has failed, and is disconnected")
        self.fail()

    def _start(self) -> None:
        """Have a Task send what waits, unless one does."""
        if self._is_held or self._is_sending:
            return
        self._is_direct = False
        self._is_sending = True
        self._context.run(self._spawn, self._send_all(), name="sending to a slow member")

    async def _send_all(self) -> None:
        if self._has_left:
            return
        self._task = asyncio.current_task()
        try:
            while self._must_resync or self._queue:
                if self._must_resync:
                    self._must_resync = False
                    await self._signal()
                    continue
                item = self._queue.popleft()
                if isinstance(item, _Mark):
                    await self._signal()
                else:
                    await self._ws.send(item.broadcast(self._envelope).message)
        except WebSocketClosed:
            self._queue.clear()
        except Exception:
            self._task = None
            self._fail_with_log()
        finally:
            self._task = None
            self._is_sending = False
            self._is_direct = not self._has_left

    async def _signal(self) -> None:
        self.resyncs += 1
        if self._on_resync is not None:
            await self._on_resync()

    def _close(self, code: int, reason: str) -> None:
        self.leave()
        self._context.run(self._spawn, self._ws.close(code, reason), name="closing a member")
