"""The reading side of a connection: from bytes to messages, no faster than the handler takes them.

Data for which the handler has no room is left unparsed, and nothing more is read from the client.
The same applies to data that would take too long, but only until all others have had their turn.
"""

import asyncio
import math
import time
from typing import Final, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol

from ._frame_stream import FrameStream
from ._inbox import Inbox
from ._messages import Assembler, Message
from ._plain_frames import has_plain_frames, parse_plain_frame
from ._pongs import Pongs
from ._sans_io import release

__all__ = ("Reader",)

_COMPRESSED_STEP_BYTES: Final = 4 << 10
"""How much of the received data is parsed at a time if it may be compressed.

A thousand bytes can expand to a million. A single read full of them, parsed at once, would fill the
memory before the queue could stop it.
"""

_FRAMES_AT_A_TIME: Final = 32
"""How many frames are parsed before the clock is checked: a quarter of a millisecond if small."""

_BUDGET_SECONDS: Final = 0.001
"""How long one connection may parse before others get a turn.

No more than a hundred requests would take; stopping and continuing costs a hundredth of it.
"""

# On Python 3.11 a look-up in the enumeration takes ten times as long, and each message needs
# several. A look-up in a set is slower still, because the hash is computed in Python.
_CLOSE: Final = Opcode.CLOSE
_PING: Final = Opcode.PING
_PONG: Final = Opcode.PONG


class Reader:
    """Parses received data, and fills the inbox.

    Args:
        transport: The transport to pause.
        protocol: The Sans-I/O protocol.
        inbox: Receives the messages.

    Attributes:
        is_paused: Whether nothing is read from the client.
        pongs: The pings that wait for their pongs, if there ever was one; to be set.
    """

    __slots__ = (
        "_assembler",
        "_delivers",
        "_inbox",
        "_is_plain",
        "_max_size_bytes",
        "_missing_bytes",
        "_part",
        "_protocol",
        "_stream",
        "_transport",
        "_unparsed",
        "is_paused",
        "pongs",
    )

    def __init__(self, transport: asyncio.Transport, protocol: Protocol, inbox: Inbox) -> None:
        self._transport = transport
        self._protocol = protocol
        self._inbox = inbox
        self._stream = FrameStream(protocol)
        self._assembler = Assembler()
        self._unparsed = b""
        self._is_plain = has_plain_frames(protocol)
        max_size = protocol.max_message_size
        self._max_size_bytes = math.inf if max_size is None else max_size
        # The beginning of a plain frame, and how much of it is still to come. In one buffer, since
        # it may arrive in a million parts of two bytes.
        self._part: bytearray | None = None
        self._missing_bytes = 0
        self._delivers = True
        self.is_paused = False
        self.pongs: Pongs | None = None

    @property
    def is_backed_up(self) -> bool:
        """Whether the handler has to take messages before more is read."""
        # When messages are no longer delivered, the end of the stream must still be read.
        return self._delivers and self._inbox.is_full

    @property
    def is_behind(self) -> bool:
        """Whether received data is still to be parsed."""
        return bool(self._unparsed) or self._stream.is_stopped

    def parse(self, data: bytes = b"") -> bool:
        """Parse old and new data, as far as the handler keeps up and the time allows.

        Returns:
            Whether the protocol may have data to send, or may have changed its state.
        """
        if self._unparsed:
            data = self._unparsed + data
            self._unparsed = b""
        stream = self._stream
        if (
            self._is_plain
            and self._delivers
            and stream.is_between_frames
            and self._protocol.current_size is None  # not in a message in fragments
        ):
            data = self._parse_plain(data)
            if not data:
                return False
            self._parse_any(data, has_begun=True)
            return True
        if self._part is not None:  # the connection has begun to close
            data = bytes(self._part) + data
            self._part = None
        self._parse_any(data, has_begun=False)
        return True

    def _parse_plain(self, data: bytes) -> bytes:
        """Parse whole messages as long as there are no other frames; return the rest of the data.

        Messages for which there is no time or no room are kept for the next call.
        """
        begin = 0
        if self._part is not None:
            begin = self._missing_bytes
            if begin > len(data):
                self._part += data
                self._missing_bytes -= len(data)
                return b""
            self._part += memoryview(data)[:begin]
            part, self._part = self._part, None
            found = parse_plain_frame(part, 0, self._max_size_bytes)
            if found is None:
                return bytes(part) + data[begin:]
            self._inbox.put(cast(Message, found[0]))
        inbox, max_size_bytes = self._inbox, self._max_size_bytes
        frames_left = 0
        end: float | None = None
        while begin < len(data):
            if not frames_left:
                if inbox.is_full:
                    break
                if end is None:
                    end = time.perf_counter() + _BUDGET_SECONDS  # not the loop's clock: see _pongs
                elif time.perf_counter() > end:
                    break
                frames_left = _FRAMES_AT_A_TIME
            frames_left -= 1
            found = parse_plain_frame(data, begin, max_size_bytes)
            if found is None:
                return data[begin:]
            message, end_of_frame = found
            if message is None:
                self._part = bytearray(memoryview(data)[begin:])
                self._missing_bytes = end_of_frame - len(data)
                return b""
            inbox.put(message)
            begin = end_of_frame
        self._unparsed = data[begin:]
        return b""

    def _parse_any(self, data: bytes, *, has_begun: bool) -> None:
        """Parse frames of any kind.

        Args:
            data: The data.
            has_begun: Whether it belongs to frames for which there was room.
        """
        protocol, stream = self._protocol, self._stream
        step = _COMPRESSED_STEP_BYTES if protocol.extensions else len(data)
        begin = 0
        end: float | None = None
        while stream.is_stopped or (begin < len(data) and (has_begun or not self.is_backed_up)):
            has_begun = False
            if end is None:
                end = time.perf_counter() + _BUDGET_SECONDS  # not the loop's clock: see _pongs
            elif time.perf_counter() > end:
                break
            piece = b""
            if not stream.is_stopped:
                piece = data[begin : begin + step]
                begin += step
            stream.frames_left = _FRAMES_AT_A_TIME
            protocol.receive_data(piece)
            for event in protocol.events_received():
                self._take(cast(Frame, event))  # the others belong to the handshake
        if begin < len(data):
            self._unparsed = data[begin:]

    def stop_delivering(self) -> None:
        """Put no more messages into the inbox; control frames are still handled."""
        self._delivers = False

    def receive_eof(self) -> None:
        """Handle the end of the client's data; unparsed data is lost."""
        self._unparsed = b""
        self._part = None
        self._stream.discard()
        self._protocol.receive_eof()

    def close(self) -> None:
        """Release the memory: the connection is gone."""
        self.receive_eof()
        release(self._protocol)

    def pause(self) -> None:
        """Read nothing more from the client."""
        if not self.is_paused:
            self.is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.is_paused:
            self.is_paused = False
            self._transport.resume_reading()

    def _take(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is _PONG:
            if self.pongs is not None:
                self.pongs.receive(bytes(frame.data))
        elif self._delivers and opcode is not _PING and opcode is not _CLOSE:
            try:
                message = self._assembler.feed(frame)
            except UnicodeDecodeError:
                self._delivers = False
                self._protocol.fail(CloseCode.INVALID_DATA, "a text message is not UTF-8")
            else:
                if message is not None:
                    self._inbox.put(message)
