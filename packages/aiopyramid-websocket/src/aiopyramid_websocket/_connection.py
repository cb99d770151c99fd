"""The WebSocket connection: an asyncio protocol over the Sans-I/O layer of ``websockets``.

It knows no server: whoever has a connection whose opening handshake is done may hand its transport
over. Of the package's modules only this one and ``_writer`` touch a transport.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, State

from ._inbox import Inbox
from ._messages import Assembler, Message
from ._phase import MOVES, Phase
from ._pongs import Pongs
from ._watch import Watch
from ._writer import Writer
from .exceptions import WebsocketClosed
from .settings import WebsocketSettings

__all__ = ("Connection", "Payload")

Payload = Message | bytearray | memoryview
"""What may be sent: text, or binary data."""

_COMPRESSED_STEP_BYTES: Final = 4 << 10
"""How much of what came in is parsed at a time if it may be compressed.

A thousand bytes can unfold to a million. In one go, a single read full of them would fill the
memory before the queue could say stop.
"""


class Connection(asyncio.Protocol):
    """One WebSocket connection.

    Args:
        protocol: The Sans-I/O protocol, in the state OPEN.
        settings: The connection's limits.
        watch: Where it is counted, and reminded of its deadline.
        on_open: Called when the transport is there.
        on_abandoned: Called instead, if the connection is lost before.

    Attributes:
        deadline: When, by the loop's clock, its patience with the client ends.
        phase: How far it has come.
    """

    __slots__ = (
        "_assembler",
        "_heard",
        "_inbox",
        "_loop",
        "_lost",
        "_on_abandoned",
        "_on_open",
        "_pinged",
        "_pongs",
        "_protocol",
        "_reading_paused",
        "_sending",
        "_settings",
        "_transport",
        "_unparsed",
        "_watch",
        "_writer",
        "deadline",
        "phase",
    )

    _inbox: Inbox
    _loop: asyncio.AbstractEventLoop
    _transport: asyncio.Transport
    _writer: Writer

    def __init__(
        self,
        protocol: Protocol,
        settings: WebsocketSettings,
        watch: Watch,
        *,
        on_open: Callable[[], object] | None = None,
        on_abandoned: Callable[[], object] | None = None,
    ) -> None:
        self._protocol = protocol
        self._settings = settings
        self._watch = watch
        self._on_open = on_open
        self._on_abandoned = on_abandoned
        self._assembler = Assembler()
        self._unparsed = b""
        self._reading_paused = False
        self._heard = False
        self._pinged = False
        # Most connections are idle most of the time: what few need is made when they do.
        self._pongs: Pongs | None = None
        self._sending: asyncio.Lock | None = None
        self._lost: asyncio.Event | None = None
        self.phase = Phase.NEW
        self.deadline = math.inf

    # --- Called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is ours."""
        self._loop = asyncio.get_running_loop()
        # A cast and no check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._writer = Writer(self._loop, self._transport)
        settings = self._settings
        self._inbox = Inbox(self._loop, settings.max_queue, settings.max_size_bytes)
        self._become(Phase.OPEN)
        self._watch.add(self, self._loop)
        self._expect_sign_of_life()
        on_open, self._on_open, self._on_abandoned = self._on_open, None, None
        if on_open is not None:
            on_open()

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        self._heard = True
        self._unparsed += data
        self._parse()

    def eof_received(self) -> None:
        """The client has sent its last byte; the transport closes itself."""
        self._unparsed = b""
        self._protocol.receive_eof()
        self._advance()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._writer.pause()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writer.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever ended it."""
        was_new = self.phase is Phase.NEW
        self._become(Phase.LOST)
        self.deadline = math.inf
        if was_new:
            if self._on_abandoned is not None:
                self._on_abandoned()
            return
        self._protocol.receive_eof()
        self._watch.discard(self)
        self._writer.lose()
        self._inbox.end()
        self._inbox.wake()
        if self._lost is not None:
            self._lost.set()
        if self._pongs is not None:
            self._pongs.fail(self.closed_error())

    # --- Called by the server and by the watch ------------------------------------------------

    def server_stops(self) -> None:
        """The server stops: tell the client to come back, to its successor (RFC 6455, 7.4.1)."""
        self.start_close(CloseCode.SERVICE_RESTART, "the server restarts")

    def expire(self) -> None:
        """The deadline has passed."""
        if self.phase is not Phase.OPEN:
            self._transport.abort()
        elif self._heard or self._reading_paused:
            # While we do not read, no pong could reach us.
            self._expect_sign_of_life()
        elif not self._pinged:
            self._protocol.send_ping(b"")
            self._post()
            self._pinged = self._settings.ping_timeout_seconds is not None
            self._wait_for(
                self._settings.ping_timeout_seconds or self._settings.ping_interval_seconds
            )
        else:
            self._protocol.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
            self._advance()

    # --- Called for the handler ---------------------------------------------------------------

    def receive(self) -> Coroutine[Any, Any, Message | None]:
        """Wait for the next message; see :meth:`Inbox.receive`."""
        return self._inbox.receive()

    async def send(self, message: Payload) -> None:
        """Send a message, and wait while the client does not keep up.

        Raises:
            WebsocketClosed: Nothing can be sent any more.
        """
        if self._sending is not None and self._sending.locked():
            async with self._sending:
                self.send_frame(message)
        else:
            self.send_frame(message)
        if self._writer.is_full:
            await self.drain()

    def send_frame(self, data: Payload, *, continues: bool = False, ends: bool = True) -> None:
        """Send a message, or a fragment of one, without waiting.

        Args:
            data: Text or bytes.
            continues: Whether it is a fragment, and not the first one.
            ends: Whether it ends the message.

        Raises:
            WebsocketClosed: Nothing can be sent any more.
        """
        if self.phase is not Phase.OPEN:
            raise self.closed_error()
        payload = data.encode() if isinstance(data, str) else data
        if continues:
            self._protocol.send_continuation(payload, ends)
        elif payload is data:
            self._protocol.send_binary(payload, ends)
        else:
            self._protocol.send_text(payload, ends)
        self._post()

    async def drain(self) -> None:
        """Wait until there is room for more.

        Raises:
            WebsocketClosed: The connection was lost meanwhile.
        """
        await self._writer.drain()
        if self.phase is Phase.LOST:
            raise self.closed_error()

    def message_lock(self) -> asyncio.Lock:
        """Return the lock to hold from the first fragment of a message to the last."""
        if self._sending is None:
            self._sending = asyncio.Lock()
        return self._sending

    async def ping(self) -> float:
        """Send a ping; return the seconds until its pong.

        Raises:
            WebsocketClosed: The connection is closed, or was before the pong came.
        """
        if self.phase is not Phase.OPEN:
            raise self.closed_error()
        if self._pongs is None:
            self._pongs = Pongs(self._loop)
        payload, pong = self._pongs.expect()
        self._protocol.send_ping(payload)
        self._post()
        return await pong

    def start_close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake, if neither side has.

        Raises:
            ValueError: The code cannot be sent, or the reason is longer than 123 bytes.
        """
        if self.phase is not Phase.OPEN:
            return
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

    def _wait_for(self, seconds: float | None) -> None:
        self.deadline = math.inf if seconds is None else self._loop.time() + seconds

    def _expect_sign_of_life(self) -> None:
        self._heard = self._pinged = False
        self._wait_for(self._settings.ping_interval_seconds)

    def _parse(self) -> None:
        """Parse what came in as far as the handler keeps up, and keep the rest."""
        protocol = self._protocol
        data, self._unparsed = self._unparsed, b""
        step = _COMPRESSED_STEP_BYTES if protocol.extensions else len(data)
        begin = 0
        while begin < len(data) and not self._is_backed_up:
            protocol.receive_data(data[begin : begin + step])
            begin += step
            for event in protocol.events_received():
                self._take(cast(Frame, event))  # the others belong to the handshake
        self._unparsed = data[begin:]
        if self._inbox.wake():
            # The handler runs next, and then what it has sent is written.
            self._writer.cork()
        if self._writer.is_full and protocol.state is State.OPEN:
            # All that is to be sent are pongs, for a client that does not read. RFC 6455, 5.5.3
            # lets us answer the last ping only.
            for pong in protocol.data_to_send()[-1:]:
                self._writer.post_late(pong)
        self._advance()
        if self._is_backed_up:
            self._pause_reading()

    @property
    def _is_backed_up(self) -> bool:
        # Once nothing is delivered any more, the end is awaited, and that must be read.
        return self.phase is Phase.OPEN and self._inbox.is_full

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._inbox.when_low(self._read_on)

    def _read_on(self) -> None:
        self._parse()
        if not self._is_backed_up:
            self._reading_paused = False
            self._transport.resume_reading()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            if self._pongs is not None:
                self._pongs.receive(bytes(frame.data))
        elif frame.opcode in _DATA and self.phase is Phase.OPEN:
            try:
                message = self._assembler.feed(frame)
            except UnicodeDecodeError:
                self._protocol.fail(CloseCode.INVALID_DATA, "a text message is not UTF-8")
                self._advance()
            else:
                if message is not None:
                    self._inbox.put(message)

    def _post(self) -> None:
        self._writer.post(self._protocol.data_to_send())

    def _advance(self) -> None:
        """Send what the protocol wants to send, and follow it to its next phase."""
        protocol = self._protocol
        if parts := protocol.data_to_send():
            self._writer.post(parts)
        if protocol.state is State.OPEN or self.phase in (Phase.ENDING, Phase.LOST):
            return
        phase = Phase.ENDING if protocol.eof_sent else Phase.CLOSING
        if phase is self.phase:
            return
        if self.phase is Phase.OPEN:
            self._wait_for(self._settings.close_timeout_seconds)
        self._become(phase)
        self._inbox.end()
        self._inbox.wake()
        self._writer.finish()
        if self._reading_paused:
            self._read_on()
        if phase is Phase.ENDING:
            self._end()

    def _end(self) -> None:
        """End the stream: nothing more is sent, and whatever is received is dropped."""
        if self._protocol.close_rcvd is None and self._transport.can_write_eof():
            # The client may be sending still. To close a socket with unread bytes makes TCP reset
            # the connection, and the reset can overtake the frame that says what was wrong.
            self._transport.write_eof()
        else:
            self._transport.close()


_DATA: Final = frozenset({Opcode.CONT, Opcode.TEXT, Opcode.BINARY})
