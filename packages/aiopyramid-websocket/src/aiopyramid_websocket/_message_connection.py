"""A WebSocket of a server that frames messages itself: the same methods as :class:`Connection`.

The server answers pings, keeps the connection alive and performs the closing handshake.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from typing import Final

from websockets.frames import Close, CloseCode

from aiopyramid_core.contract import MessageChannel

from ._base_connection import BaseConnection, Payload
from ._fence import fenced
from ._inbox import Inbox
from ._messages import Message
from ._state import OPEN, State
from ._watch import Watch
from .broadcast import Broadcast
from .exceptions import PingNotSupported
from .settings import WebSocketSettings

__all__ = ("MessageConnection",)

_log = logging.getLogger("aiopyramid_websocket")


class MessageConnection(BaseConnection):
    """One WebSocket connection, in whole messages.

    Args:
        subprotocol: The negotiated subprotocol, or None.
        settings, watch, name, on_open, on_abandoned: As for :class:`.BaseConnection`.

    Attributes:
        subprotocol: The negotiated subprotocol, or None.
    """

    __slots__ = (
        "_channel",
        "_close",
        "_fragments",
        "_lock",
        "_room",
        "_unyielded_bytes",
        "subprotocol",
    )

    _channel: MessageChannel

    def __init__(
        self,
        subprotocol: str | None,
        settings: WebSocketSettings,
        watch: Watch,
        *,
        name: str = "no view",
        on_open: Callable[[], object] | None = None,
        on_abandoned: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(settings, watch, name=name, on_open=on_open, on_abandoned=on_abandoned)
        self.subprotocol = subprotocol
        self._close: tuple[int, str] | None = None
        self._fragments: list[Payload] = []
        self._lock = asyncio.Lock()
        self._unyielded_bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    # --- Called by the server -----------------------------------------------------------------

    @fenced
    def connection_made(self, channel: MessageChannel) -> None:
        """Open the connection: the handshake has been answered."""
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._inbox = Inbox(self._loop, self.settings.max_queue, self.settings.max_size_bytes)
        self._open()

    @fenced
    def message_received(self, message: Message) -> None:
        """Keep a message for the handler."""
        if self.state is not OPEN:
            return
        limit = self.settings.max_size_bytes
        if limit is not None and _size_bytes(message) > limit:
            self.start_close(CloseCode.MESSAGE_TOO_BIG, f"over {limit} bytes")
            return
        self._inbox.put(message)
        self._inbox.wake()
        if self._inbox.is_full:
            self._channel.pause_reading()
            self._inbox.when_low(self._channel.resume_reading)

    def pause_writing(self) -> None:
        """Pause writing, because the client reads more slowly than we write."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Resume writing, because the client has caught up."""
        self._room.set()

    @fenced
    def connection_lost(self, code: int, reason: str) -> None:
        """Clean up after the connection, whichever side ended it."""
        if self._close is None:
            self._close = code, reason
        self._lose()

    def server_stops(self) -> None:
        """Close at once, because the server that frames messages does so itself in a moment."""
        self.close_for_restart()

    # --- Called by the watch ------------------------------------------------------------------

    def expire(self) -> None:
        """Give up a client that does not answer our close."""
        self.deadline = math.inf
        self._channel.abort()

    def break_off(self) -> None:
        """Log the exception that is being handled, and abort the connection; raise nothing."""
        _log.exception("The WebSocket of %s has failed and is broken off", self._name)
        channel = getattr(self, "_channel", None)  # it may never have been opened
        if channel is not None:
            with contextlib.suppress(Exception):
                channel.abort()

    # --- Called for the handler ---------------------------------------------------------------

    async def send(self, message: Payload) -> None:
        """Send a message as soon as there is room.

        Raises:
            WebSocketClosed: Nothing can be sent any more.
        """
        if self.state is OPEN and self._lock.locked():
            async with self._lock:  # a message in fragments is not interrupted
                await self._room.wait()
        elif not self._room.is_set():
            await self._room.wait()
        self._send(message)
        # Some servers never let a sender wait, so that a handler that only sends would starve all
        # others.
        self._unyielded_bytes += len(message)
        if self._unyielded_bytes >= _MOST_AT_ONCE_BYTES:
            self._unyielded_bytes = 0
            await asyncio.sleep(0)

    def post(self, message: Payload | Broadcast) -> bool:
        """Send a message if that is possible without waiting.

        Returns:
            Whether the message was sent.
        """
        if self.state is not OPEN or not self._room.is_set() or self._lock.locked():
            return False
        self._send(message.message if isinstance(message, Broadcast) else message)
        return True

    def _send(self, message: Payload) -> None:
        if self.state is not OPEN:
            raise self.closed_error()
        self._channel.send(message if isinstance(message, str) else bytes(message))

    def send_frame(self, data: Payload, *, continues: bool = False, ends: bool = True) -> None:
        """Keep a fragment of a message until the message is complete, or send a whole one.

        Args:
            data: Text or bytes.
            continues: Whether it is a fragment, and not the first one.
            ends: Whether it ends the message.

        Raises:
            WebSocketClosed: Nothing can be sent any more.
        """
        if self.state is not OPEN:
            raise self.closed_error()
        self._fragments.append(data)
        if ends:
            fragments, self._fragments = self._fragments, []
            if isinstance(data, str):
                self._send("".join(str(each) for each in fragments))
            else:
                self._send(b"".join(bytes(each) for each in fragments if not isinstance(each, str)))

    @property
    def is_slow(self) -> bool:
        """Whether the client must read before more is sent."""
        return not self._room.is_set()

    def message_lock(self) -> asyncio.Lock:
        """Return the lock that must be held from the first to the last fragment of a message."""
        return self._lock

    async def wait_room(self) -> None:
        """Wait until there is room for a message, or until nothing can be sent any more."""
        await self._room.wait()

    async def ping(self) -> float:
        """Refuse: the server sends the pings.

        Raises:
            PingNotSupported: Always.
        """
        raise PingNotSupported

    def start_close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake, if neither side has.

        Raises:
            ValueError: The code cannot be sent, or the reason is longer than 123 bytes.
        """
        if self.state is not OPEN:
            return
        if code == CloseCode.NORMAL_CLOSURE and self._fragments:
            code, reason = CloseCode.INTERNAL_ERROR, "a message was broken off"
        check_close(code, reason)
        self._close = code, reason
        self._become(State.CLOSING)
        self.deadline = self._loop.time() + self.settings.close_timeout_seconds
        self._inbox.end()
        self._inbox.wake()
        self._room.set()
        self._channel.close(code, reason)

    @property
    def close_status(self) -> tuple[int, str]:
        """The client's close code and reason; without one, ours; 1006 if there is neither."""
        return (CloseCode.ABNORMAL_CLOSURE, "") if self._close is None else self._close

    def _release_senders(self) -> None:
        self._room.set()


def check_close(code: int, reason: str) -> None:
    """Check that a close can be sent (RFC 6455, 5.5 and 7.4).

    Raises:
        ValueError: It cannot.
    """
    try:
        data = Close(code, reason)
        data.check()
        if len(data.serialize()) > _LONGEST_CLOSE_BYTES:
            raise ValueError("the reason is too long")
    except Exception as error:
        raise ValueError(
            f"cannot close with code {code} and a reason of {len(reason.encode())} bytes:"
            f" {error} (RFC 6455, 5.5 and 7.4)"
        ) from None


_LONGEST_CLOSE_BYTES: Final = 125

_MOST_AT_ONCE_BYTES: Final = 64 << 10
"""How much is sent before other tasks get a turn."""


def _size_bytes(message: Message) -> int:
    return len(message.encode()) if isinstance(message, str) else len(message)
