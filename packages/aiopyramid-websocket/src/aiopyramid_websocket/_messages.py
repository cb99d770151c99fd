"""From frames to messages.

Pure: no asyncio, no transport.
"""

import codecs
from typing import Final

from websockets.frames import Frame, Opcode

__all__ = ("Assembler", "Message")

Message = str | bytes

_TEXT: Final = Opcode.TEXT
_CONTINUATION: Final = Opcode.CONT

_new_decoder: Final = codecs.getincrementaldecoder("utf-8")


class Assembler:
    """Puts messages together from their fragments (RFC 6455, 5.4)."""

    __slots__ = ("_decoder", "_fragments")

    def __init__(self) -> None:
        # One buffer instead of a list of fragments: a list of a million single bytes takes 40 MB.
        self._fragments: bytearray | None = None
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, frame: Frame) -> Message | None:
        """Add a data frame; return the message that it completes, or None.

        Raises:
            UnicodeDecodeError: A text is not UTF-8; raised at the first invalid fragment.
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
