"""The WebSocket connection: an asyncio protocol over the Sans-I/O layer of ``websockets``.

It does not depend on a server: any server whose connection has completed the opening handshake may
hand over the transport. Besides this module only ``_reader``, ``_writer`` and ``_tcp`` use it. Here
is what the transport, the watch and the protocol ask for; ``_sending`` is what the handler does.
"""

import asyncio
import contextlib
import logging
from typing import cast

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode
from websockets.protocol import OPEN as PROTOCOL_OPEN

from ._fence import fenced
from ._inbox import Inbox
from ._keepalive import Keepalive, Verdict
from ._reader import Reader
from ._sending import SendingConnection
from ._state import OPEN, State
from ._tcp import acknowledged_within
from ._writer import Writer

__all__ = ("Connection",)

_log = logging.getLogger("aiopyramid_websocket")


class Connection(SendingConnection, asyncio.Protocol):
    """One WebSocket connection, in frames.

    Args:
        protocol, settings, watch, name, on_open, on_abandoned: As for :class:`.SendingConnection`.
    """

    __slots__ = ("_keepalive", "_reads_soon", "_transport")

    _keepalive: Keepalive
    _transport: asyncio.Transport

    # --- Called by asyncio --------------------------------------------------------------------

    @fenced
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the connection: the server has handed over its transport."""
        self._loop = asyncio.get_running_loop()
        self._reads_soon = False
        # A cast instead of a check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        settings = self.settings
        self._inbox = Inbox(self._loop, settings.max_queue, settings.max_size_bytes)
        self._reader = Reader(self._transport, self._protocol, self._inbox)
        self._writer = Writer(self._loop, self._transport)
        self._keepalive = Keepalive(settings, self._loop.time())
        self.deadline = self._keepalive.deadline
        self._open()

    def data_received(self, data: bytes) -> None:
        """Parse data that the client has sent."""
        try:  # the fence, written here: calling through it is a fiftieth of a message's cost
            self._keepalive.is_heard = True
            self._read(data)
        except Exception:
            self.break_off()

    @fenced
    def eof_received(self) -> None:
        """Handle the client's last byte; the transport closes itself."""
        self._reader.receive_eof()
        self._advance()

    def pause_writing(self) -> None:
        """Pause writing, because the client reads more slowly than we write."""
        self._writer.pause()

    @fenced
    def resume_writing(self) -> None:
        """Resume writing, because the client has caught up."""
        self._writer.resume()

    @fenced
    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection, whichever side ended it."""
        if self._lose():
            self._reader.close()
            if self._reader.pongs is not None:
                self._reader.pongs.fail(self.closed_error())

    # --- Called by the watch ------------------------------------------------------------------

    def expire(self) -> None:
        """Act on the deadline, which has passed."""
        if self.state is not OPEN:
            self._transport.abort()
            return
        keepalive = self._keepalive
        now = self._loop.time()
        if self._reader.is_paused and keepalive.pinged_at is not None:
            # No pong can reach us, but the ping should have reached the client's machine. If that
            # machine had refused it, the write would have failed, and the connection would be lost.
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
        """Log the exception that is being handled, and abort the connection; raise nothing."""
        transport = getattr(self, "_transport", None)  # it may never have been opened
        client = transport and transport.get_extra_info("peername")
        _log.exception(
            "The WebSocket of %s with client %s has failed and is broken off", self._name, client
        )
        if transport is not None:
            with contextlib.suppress(Exception):
                transport.abort()

    # --- Called for the handler ---------------------------------------------------------------

    def start_close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake, if neither side has.

        In the middle of a fragmented message the close is sent at once, as any control frame may be
        (RFC 6455, 5.4). If the message were ended first, a part of it would look complete, and the
        code 1000 would indicate a normal closure.

        Raises:
            ValueError: The code cannot be sent, or the reason is longer than 123 bytes.
        """
        if self.state is not OPEN:
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

    @property
    def close_status(self) -> tuple[int, str]:
        """The client's close code and reason; without one, ours; 1006 if there is neither."""
        close = self._protocol.close_rcvd or self._protocol.close_sent
        return (CloseCode.ABNORMAL_CLOSURE, "") if close is None else (close.code, close.reason)

    @property
    def subprotocol(self) -> str | None:
        """The negotiated subprotocol, or None."""
        return self._protocol.subprotocol

    # --- Private ------------------------------------------------------------------------------

    def _read(self, data: bytes = b"") -> None:
        """Parse received data as far as the handler keeps up, and send the protocol's answers."""
        reader, inbox = self._reader, self._inbox
        has_answers = reader.parse(data)
        if inbox.wake():
            # The handler runs next; everything that it sends is written together after that.
            if inbox.count > 1:
                self._writer.cork()
            else:
                self._writer.cork_second()
        if has_answers:
            if self._writer.is_full and self._protocol.state is PROTOCOL_OPEN:
                self._writer.post_late(self._protocol.data_to_send())
            self._advance()
        if inbox.is_full or reader.is_paused or reader.is_behind:
            self._pause_or_resume()

    def _pause_or_resume(self) -> None:
        """Stop reading if there is more than the handler or the others leave room for."""
        reader = self._reader
        if reader.is_backed_up:
            reader.pause()
            self._inbox.when_low(self._read_more)
        elif reader.is_behind:
            reader.pause()
            self._read_soon()
        elif reader.is_paused:
            reader.resume()

    def _read_more(self) -> None:
        """Continue reading; called by the handler, which does not wait while there are messages."""
        if self._reader.is_behind:
            self._read_soon()
        else:
            self._read_on()

    def _read_soon(self) -> None:
        """Continue reading after all others have had their turn."""
        if not self._reads_soon:
            self._reads_soon = True
            self._loop.call_soon(self._read_on)

    @fenced
    def _read_on(self) -> None:
        self._reads_soon = False
        if self.state is not State.LOST:
            self._read()

    def _advance(self) -> None:
        """Send the protocol's pending data, and follow the protocol to its next state."""
        protocol = self._protocol
        if parts := protocol.data_to_send():
            self._writer.post(parts)
        if protocol.state is PROTOCOL_OPEN or self.state in (State.ENDING, State.LOST):
            return
        state = State.ENDING if protocol.eof_sent else State.CLOSING
        if state is self.state:
            return
        if self.state is OPEN:
            self.deadline = self._loop.time() + self.settings.close_timeout_seconds
        self._become(state)
        self._reader.stop_delivering()
        self._inbox.end()
        self._inbox.wake()
        self._writer.finish()
        if self._reader.is_paused:
            self._read()
        if state is State.ENDING:
            self._end()

    def _end(self) -> None:
        """End the stream: nothing more is sent, and received data is dropped."""
        if self._protocol.close_rcvd is None and self._transport.can_write_eof():
            # The client may still be sending. Closing a socket with unread bytes makes TCP reset
            # the connection, and the reset can overtake the frame that says what was wrong.
            try:
                self._transport.write_eof()
            except OSError:
                # asyncio's own loop reports at once that the client has reset the connection.
                self._transport.abort()
        else:
            self._transport.close()
