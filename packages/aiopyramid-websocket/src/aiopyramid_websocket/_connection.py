"""The WebSocket connection: an asyncio protocol over the Sans-I/O layer of ``websockets``.

It knows no server: whoever has a connection whose opening handshake is done may hand its transport
over. Besides this module only ``_reader``, ``_writer`` and ``_tcp`` touch a transport.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode
from websockets.protocol import Protocol, State

from ._fence import fenced
from ._inbox import Inbox
from ._keepalive import Keepalive, Verdict
from ._messages import Message
from ._phase import MOVES, OPEN, Phase
from ._pongs import Pongs
from ._reader import Reader
from ._tcp import acknowledged_within
from ._watch import Watch
from ._writer import Writer
from .exceptions import WebsocketClosed
from .settings import WebsocketSettings

__all__ = ("Connection", "Payload")

_log = logging.getLogger("aiopyramid_websocket")

Payload = Message | bytearray | memoryview
"""What may be sent: text, or binary data."""

_STATE_OPEN: Final = State.OPEN  # for the same reason as in _phase


class Connection(asyncio.Protocol):
    """One WebSocket connection.

    Args:
        protocol: The Sans-I/O protocol, in the state OPEN.
        settings: The connection's limits.
        watch: Where it is counted, and reminded of its deadline.
        name: What the log calls its handler.
        on_open: Called when the transport is there.
        on_abandoned: Called instead, if the connection is lost before.

    Attributes:
        deadline: When, by the loop's clock, its patience with the client ends.
        is_used: Whether the handler has read or written anything since the connection was lost.
        on_lost: Called when it is lost; to be set.
        phase: How far it has come.
        settings: The connection's limits.
    """

    __slots__ = (
        "_inbox",
        "_keepalive",
        "_loop",
        "_lost",
        "_name",
        "_on_abandoned",
        "_on_open",
        "_protocol",
        "_reader",
        "_reads_soon",
        "_transport",
        "_watch",
        "_writer",
        "deadline",
        "is_used",
        "on_lost",
        "phase",
        "settings",
    )

    _inbox: Inbox
    _keepalive: Keepalive
    _loop: asyncio.AbstractEventLoop
    _reader: Reader
    _transport: asyncio.Transport
    _writer: Writer

    def __init__(
        self,
        protocol: Protocol,
        settings: WebsocketSettings,
        watch: Watch,
        *,
        name: str = "no view",
        on_open: Callable[[], object] | None = None,
        on_abandoned: Callable[[], object] | None = None,
    ) -> None:
        self._name = name
        self._protocol = protocol
        self.settings = settings
        self._watch = watch
        self._on_open = on_open
        self._on_abandoned = on_abandoned
        self._reads_soon = False
        self._lost: asyncio.Event | None = None  # made when somebody waits
        self.phase = Phase.NEW
        self.deadline = math.inf
        self.is_used = False
        self.on_lost: Callable[[], object] | None = None

    # --- Called by asyncio --------------------------------------------------------------------

    @fenced
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ours."""
        self._loop = asyncio.get_running_loop()
        # A cast and no check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        settings = self.settings
        self._inbox = Inbox(self._loop, settings.max_queue, settings.max_size_bytes)
        self._reader = Reader(self._transport, self._protocol, self._inbox)
        self._writer = Writer(self._loop, self._transport)
        self._keepalive = Keepalive(settings, self._loop.time())
        self.deadline = self._keepalive.deadline
        self._become(Phase.OPEN)
        self._watch.add(self, self._loop)
        on_open, self._on_open, self._on_abandoned = self._on_open, None, None
        if on_open is not None:
            on_open()

    @fenced
    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        self._keepalive.is_heard = True
        self._read(data)

    @fenced
    def eof_received(self) -> None:
        """The client has sent its last byte; the transport closes itself."""
        self._reader.receive_eof()
        self._advance()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._writer.pause()

    @fenced
    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writer.resume()

    @fenced
    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        was_new = self.phase is Phase.NEW
        self._become(Phase.LOST)
        self.deadline = math.inf
        if was_new:
            if self._on_abandoned is not None:
                self._on_abandoned()
            return
        # Those who wait for it first.
        self._watch.discard(self)
        self._writer.lose()
        self._inbox.end()
        self._inbox.wake()
        if self._lost is not None:
            self._lost.set()
        self.is_used = False
        if self.on_lost is not None:
            self.on_lost()
        self._reader.close()
        if self._reader.pongs is not None:
            self._reader.pongs.fail(self.closed_error())

    # --- Called by the server and by the watch ------------------------------------------------

    @fenced
    def server_stops(self) -> None:
        """The server stops: tell the client to come back, to its successor (RFC 6455, 7.4.1)."""
        self.start_close(CloseCode.SERVICE_RESTART, "the server restarts")

    def expire(self) -> None:
        """The deadline has passed."""
        if self.phase is not OPEN:
            self._transport.abort()
            return
        keepalive = self._keepalive
        now = self._loop.time()
        if self._reader.is_paused and keepalive.pinged_at is not None:
            # No pong can reach us, but the ping should have reached the client's machine. If that
            # has refused it, to write it was an error, and the connection is lost already.
            keepalive.is_heard = acknowledged_within(self._transport, now - keepalive.pinged_at)
        verdict = keepalive.judge(now)
        self.deadline = keepalive.deadline
        if verdict is Verdict.PING:
            self._protocol.send_ping(b"")
            self._post()
        elif verdict is Verdict.GONE:
            self._protocol.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
            self._advance()

    def break_off(self) -> None:
        """Log the exception that is being handled, and end the connection; raises nothing."""
        transport = getattr(self, "_transport", None)  # it may never have been opened
        client = transport and transport.get_extra_info("peername")
        _log.exception(
            "The WebSocket of %s with client %s has failed and is broken off", self._name, client
        )
        if transport is not None:
            with contextlib.suppress(Exception):
                transport.abort()

    # --- Called for the handler ---------------------------------------------------------------

    def receive(self) -> Coroutine[Any, Any, Message | None]:
        """Wait for the next message; see :meth:`Inbox.receive`."""
        self.is_used = True
        return self._inbox.receive()

    async def send(self, message: Payload) -> None:
        """Send a message, as soon as there is room.

        To wait before and not behind: whoever gives up waiting has sent nothing.

        Raises:
            WebsocketClosed: Nothing can be sent any more.
        """
        if self._writer.must_be_waited_for:
            await self._writer.wait_turn()
        self.send_frame(message)

    def send_frame(self, data: Payload, *, continues: bool = False, ends: bool = True) -> None:
        """Send a message, or a fragment of one, without waiting.

        Args:
            data: Text or bytes.
            continues: Whether it is a fragment, and not the first one.
            ends: Whether it ends the message.

        Raises:
            WebsocketClosed: Nothing can be sent any more.
        """
        if self.phase is not OPEN:
            raise self.closed_error()
        payload = data.encode() if isinstance(data, str) else data
        if continues:
            self._protocol.send_continuation(payload, ends)
        elif payload is data:
            self._protocol.send_binary(payload, ends)
        else:
            self._protocol.send_text(payload, ends)
        self._post()

    def message_lock(self) -> asyncio.Lock:
        """Return the lock to hold from the first fragment of a message to the last."""
        return self._writer.message_lock()

    async def wait_room(self) -> None:
        """Wait until there is room for a fragment, or nothing can be sent any more."""
        await self._writer.wait_room()

    async def ping(self) -> float:
        """Send a ping; return the seconds until its pong.

        Raises:
            WebsocketClosed: The connection is closed, or was before the pong came.
        """
        await self._writer.wait_room()
        if self.phase is not OPEN:
            raise self.closed_error()
        if self._reader.pongs is None:
            self._reader.pongs = Pongs(self._loop)
        payload, pong = self._reader.pongs.expect()
        self._protocol.send_ping(payload)
        self._post()
        try:
            return await pong
        except asyncio.CancelledError:
            self._reader.pongs.forget(payload)
            raise

    def start_close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake, if neither side has.

        In the middle of a fragmented message the close is sent at once, as any control frame may be
        (RFC 6455, 5.4). To end the message first would pass off a part of it as the whole; and 1000
        would say that all is well.

        Raises:
            ValueError: The code cannot be sent, or the reason is longer than 123 bytes.
        """
        if self.phase is not OPEN:
            return
        if code == CloseCode.NORMAL_CLOSURE and self._writer.is_in_message:
            code, reason = CloseCode.INTERNAL_ERROR, "a message was broken off"
        try:
            self._protocol.send_close(code, reason)
        except ProtocolError as error:
            raise ValueError(
                f"cannot close with code {code} and a reason of {len(reason.encode())} bytes:"
                f" {error} (RFC 6455, 5.5 and 7.4)"
            ) from None
        self._advance()

    async def wait_lost(self) -> None:
        """Wait until the transport is gone."""
        if self.phase is not Phase.LOST:
            if self._lost is None:
                self._lost = asyncio.Event()
            await self._lost.wait()

    def closed_error(self) -> WebsocketClosed:
        """Return the exception that says why nothing can be sent."""
        self.is_used = True
        return WebsocketClosed(*self.close_status)

    @property
    def close_status(self) -> tuple[int, str]:
        """Code and reason that the client gave; if it gave none, ours; 1006 without either."""
        close = self._protocol.close_rcvd or self._protocol.close_sent
        return (CloseCode.ABNORMAL_CLOSURE, "") if close is None else (close.code, close.reason)

    @property
    def subprotocol(self) -> str | None:
        """What was negotiated."""
        return self._protocol.subprotocol

    # --- Private ------------------------------------------------------------------------------

    def _become(self, phase: Phase) -> None:
        """Change the phase; nothing else does."""
        if phase not in MOVES[self.phase]:
            raise AssertionError(f"no way from {self.phase} to {phase}")
        self.phase = phase

    def _read(self, data: bytes = b"") -> None:
        """Parse what came in as far as the handler keeps up, and answer what is to be answered."""
        reader = self._reader
        reader.parse(data)
        if self._inbox.wake():
            # The handler runs next, and then what it has sent is written.
            self._writer.cork()
        if self._writer.is_full and self._protocol.state is _STATE_OPEN:
            self._writer.post_late(self._protocol.data_to_send())
        self._advance()
        if reader.is_backed_up:
            reader.pause()
            self._inbox.when_low(self._read_more)
        elif reader.is_behind:
            reader.pause()
            self._read_soon()
        elif reader.is_paused:
            reader.resume()

    def _read_more(self) -> None:
        """Go on reading; the handler calls it, and does not wait as long as there are messages."""
        if self._reader.is_behind:
            self._read_soon()
        else:
            self._read_on()

    def _read_soon(self) -> None:
        """Go on reading when all others have had their turn."""
        if not self._reads_soon:
            self._reads_soon = True
            self._loop.call_soon(self._read_on)

    @fenced
    def _read_on(self) -> None:
        self._reads_soon = False
        if self.phase is not Phase.LOST:
            self._read()

    def _post(self) -> None:
        self._writer.post(self._protocol.data_to_send())

    def _advance(self) -> None:
        """Send what the protocol wants to send, and follow it to its next phase."""
        protocol = self._protocol
        if parts := protocol.data_to_send():
            self._writer.post(parts)
        if protocol.state is _STATE_OPEN or self.phase in (Phase.ENDING, Phase.LOST):
            return
        phase = Phase.ENDING if protocol.eof_sent else Phase.CLOSING
        if phase is self.phase:
            return
        if self.phase is OPEN:
            self.deadline = self._loop.time() + self.settings.close_timeout_seconds
        self._become(phase)
        self._reader.stop_delivering()
        self._inbox.end()
        self._inbox.wake()
        self._writer.finish()
        if self._reader.is_paused:
            self._read()
        if phase is Phase.ENDING:
            self._end()

    def _end(self) -> None:
        """End the stream: nothing more is sent, and whatever is received is dropped."""
        if self._protocol.close_rcvd is None and self._transport.can_write_eof():
            # The client may be sending still. To close a socket with unread bytes makes TCP reset
            # the connection, and the reset can overtake the frame that says what was wrong.
            try:
                self._transport.write_eof()
            except OSError:
                # Asyncio's own loop tells at once that the client has reset the connection.
                self._transport.abort()
        else:
            self._transport.close()
