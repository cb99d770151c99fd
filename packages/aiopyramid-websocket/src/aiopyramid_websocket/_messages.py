"""From frames to messages, and the messages that wait for the handler.

Pure: no asyncio, no transport.
"""

import codecs
import math
from typing import Final

from websockets.frames import Frame, Opcode

__all__ = ("Assembler", "Message", "MessageQueue")

Message = str | bytes

_TEXT: Final = Opcode.TEXT
_CONTINUATION: Final = Opcode.CONT

_new_decoder: Final = codecs.getincrementaldecoder("utf-8")


class Assembler:
    """Puts messages together from their fragments (RFC 6455, 5.4)."""

    __slots__ = ("_decoder", "_fragments")

    def __init__(self) -> None:
        # One buffer and no list of fragments: a list of a million single bytes takes 40 MB.
        self._fragments: bytearray | None = None
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, frame: Frame) -> Message | None:
        """Take a data frame; return the message that it completes, or None.

        Raises:
            UnicodeDecodeError: A text is no UTF-8, which is told with the first wrong fragment.
        """
        data = frame.data
        if frame.opcode is not _CONTINUATION:
            if frame.fin:
                return str(data, "utf-8") if frame.opcode is _TEXT else bytes(data)
            self._fragments = bytearray()
            self._decoder = _new_decoder() if frame.opcode is _TEXT else None
        assert self._fragments is not None
        self._fragments += data
        if self._decoder is not None:
            self._decoder.decode(data, frame.fin)
        if not frame.fin:
            return None
        fragments, self._fragments = self._fragments, None
        is_text, self._decoder = self._decoder is not None, None
        return fragments.decode() if is_text else bytes(fragments)


class MessageQueue:
    """The messages that have arrived and that nobody has asked for yet.

    Two lists rather than a :class:`collections.deque`: an empty deque takes 600 bytes, and most
    queues are empty most of the time.

    Args:
        max_messages: From so many messages on the queue is full.
        max_bytes: Likewise, counted in characters or bytes; None for no such limit.

    Attributes:
        count: How many messages wait.
        is_full: Whether nothing more should be read from the client for now.
    """

    __slots__ = (
        "_arrived",
        "_max_bytes",
        "_max_messages",
        "_ready",
        "_waiting_bytes",
        "count",
        "is_full",
    )

    def __init__(self, max_messages: int, max_bytes: int | None) -> None:
        self._max_messages = max_messages
        self._max_bytes = math.inf if max_bytes is None else max_bytes
        self._waiting_bytes = 0
        self.count = 0
        self.is_full = False
        self._arrived: list[Message] = []
        self._ready: list[Message] = []  # the oldest last

    def put(self, message: Message) -> None:
        """Append a message; a full queue takes it all the same."""
        self.count += 1
        self._waiting_bytes += len(message)
        self._arrived.append(message)
        self.is_full = self.count >= self._max_messages or self._waiting_bytes >= self._max_bytes

    def take(self) -> Message:
        """Remove the oldest message and return it.

        Raises:
            IndexError: There is none.
        """
        ready = self._ready
        if not ready:
            ready = self._ready = self._arrived
            ready.reverse()
            self._arrived = []
        message = ready.pop()
        self.count -= 1
        self._waiting_bytes -= len(message)
        self.is_full = self.count >= self._max_messages or self._waiting_bytes >= self._max_bytes
        return message

    @property
    def is_low(self) -> bool:
        """Whether a queue that was full has room enough to read on."""
        return 2 * self.count <= self._max_messages and 2 * self._waiting_bytes <= self._max_bytes
