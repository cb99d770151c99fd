"""The life of a connection, whether we frame its messages or its server does.

It opens, may be told to close, and is lost at the end; in the meantime the watch counts it, and its
inbox keeps messages for the handler.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.frames import CloseCode

from ._fence import fenced
from ._inbox import Inbox
from ._messages import Message
from ._state import TRANSITIONS, State
from ._watch import Watch
from .exceptions import WebSocketClosed
from .settings import WebSocketSettings

__all__ = ("BaseConnection", "Payload")

Payload = Message | bytearray | memoryview
"""A message or fragment that can be sent: text, or binary data."""


class BaseConnection(ABC):
    """One WebSocket connection.

    Args:
        settings: The connection's limits.
        watch: Counts the connection, and calls :meth:`expire` at its deadline.
        name: The name of its handler in the log.
        on_open: Called when the connection is there.
        on_abandoned: Called instead, if the connection is lost before that.

    Attributes:
        deadline: The time, by the loop's clock, at which the current wait for the client expires.
        is_used: Whether the handler has read or written anything since the connection was lost.
        on_lost: Called when the connection is lost; to be set.
        state: The state of the connection.
        settings: The connection's limits.
    """

    __slots__ = (
        "_inbox",
        "_loop",
        "_lost",
        "_name",
        "_on_abandoned",
        "_on_open",
        "_watch",
        "deadline",
        "is_used",
        "on_lost",
        "settings",
        "state",
    )

    _inbox: Inbox
    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        settings: WebSocketSettings,
        watch: Watch,
        *,
        name: str = "no view",
        on_open: Callable[[], object] | None = None,
        on_abandoned: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self.settings = settings
        self._watch = watch
        self._on_open = on_open
        self._on_abandoned = on_abandoned
        self._lost: asyncio.Event | None = None  # made when a task waits
        self.state = State.NEW
        self.deadline = math.inf
        self.is_used = False
        self.on_lost: Callable[[], object] | None = None

    # --- Called by the server and by the watch ------------------------------------------------

    @fenced
    def server_stops(self) -> None:
        """Close in turn with other connections, because the server stops."""
        self._watch.in_turn(self.close_for_restart)

    @abstractmethod
    def expire(self) -> None:
        """Act on the deadline, which has passed."""

    @abstractmethod
    def break_off(self) -> None:
        """Log the exception that is being handled, and abort the connection; raise nothing."""

    @fenced
    def close_for_restart(self) -> None:
        """Close with the code that asks the client to connect again (RFC 6455, 7.4.1)."""
        self.start_close(CloseCode.SERVICE_RESTART, "the server restarts")

    # --- Called for the handler ---------------------------------------------------------------

    def receive(self) -> Coroutine[Any, Any, Message | None]:
        """Wait for the next message; see :meth:`Inbox.receive`."""
        self.is_used = True
        return self._inbox.receive()

    @abstractmethod
    def start_close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake, if neither side has.

        Raises:
            ValueError: The code cannot be sent, or the reason is longer than 123 bytes.
        """

    async def wait_lost(self) -> None:
        """Wait until the connection is gone."""
        if self.state is not State.LOST:
            if self._lost is None:
                self._lost = asyncio.Event()
            await self._lost.wait()

    def closed_error(self) -> WebSocketClosed:
        """Return the exception that explains why nothing can be sent."""
        self.is_used = True
        return WebSocketClosed(*self.close_status)

    @property
    def queued(self) -> int:
        """How many messages wait for the handler."""
        return self._inbox.count

    @property
    @abstractmethod
    def is_slow(self) -> bool:
        """Whether the client must read before more is sent."""

    @property
    @abstractmethod
    def close_status(self) -> tuple[int, str]:
        """The client's close code and reason; without one, ours; 1006 if there is neither."""

    # --- For the two kinds of connections -----------------------------------------------------

    def _open(self) -> None:
        """Open the connection; its loop and inbox are there."""
        self._become(State.OPEN)
        self._watch.add(self, self._loop)
        on_open, self._on_open, self._on_abandoned = self._on_open, None, None
        if on_open is not None:
            on_open()

    def _lose(self) -> bool:
        """Clean up after the connection; return whether it has ever been open."""
        was_new = self.state is State.NEW
        self._become(State.LOST)
        self.deadline = math.inf
        if was_new:
            if self._on_abandoned is not None:
                self._on_abandoned()
            return False
        # First the tasks that wait for it.
        self._watch.discard(self)
        self._release_senders()
        self._inbox.end()
        self._inbox.wake()
        if self._lost is not None:
            self._lost.set()
        self.is_used = False
        if self.on_lost is not None:
            self.on_lost()
        return True

    @abstractmethod
    def _release_senders(self) -> None:
        """Wake the tasks that wait for room, because the connection is lost."""

    def _become(self, state: State) -> None:
        """Change the state; the only place that does."""
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"invalid transition from {self.state} to {state}")
        self.state = state
