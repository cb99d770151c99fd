"""Frames as almost all are: whole messages, not compressed, from a client to a server and back.

The Sans-I/O layer parses each frame in a chain of generators, and builds each one in a buffer of
its own. With that, the server executed twice as many instructions for an echoed message. All other
frames, including those that break the protocol, are left to that layer, and
``tests/test_plain_frames.py`` checks that it treats the ones here in the same way.

Pure: no asyncio, no transport.
"""

from typing import Final

# The function in C if there is one, otherwise the one in Python.
from websockets.frames import Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import Protocol, Side

from ._messages import Message

__all__ = ("has_plain_frames", "parse_plain_frame", "plain_frame")

# The first byte of a frame that is a whole message (RFC 6455, 5.2): FIN and the opcode.
_TEXT: Final = 0x80 | Opcode.TEXT
_BINARY: Final = 0x80 | Opcode.BINARY

_MASKED: Final = 0x80
"""Set in the second byte if the payload is masked, as that of every client is."""

_LENGTH_IN_2_BYTES: Final = 126
_LENGTH_IN_8_BYTES: Final = 127

_SHORTEST_FRAME_BYTES: Final = 6

_COPIED_BYTES: Final = 1 << 10
"""Up to this size it is quicker to copy a part of the data than to make a view of it."""


def has_plain_frames(protocol: Protocol) -> bool:
    """Return whether the messages of a connection can be read and sent by this module.

    Args:
        protocol: The Sans-I/O protocol, after the negotiation of extensions.
    """
    # With debug it logs each frame. A client's end exists in tests only; it masks what it sends.
    return protocol.side is Side.SERVER and not protocol.extensions and not protocol.debug


def parse_plain_frame(
    data: bytes | bytearray, begin: int, max_size_bytes: float
) -> tuple[Message | None, int] | None:
    """Parse a frame that is a whole message.

    Args:
        data: Received data.
        begin: Where in it the frame begins.
        max_size_bytes: The longest payload.

    Returns:
        The message, and where its frame ends. None instead of the message if a part of the payload
        is still to come. None if the frame is of another kind, if it breaks the protocol, or if
        not even its header is complete.
    """
    size = len(data)
    if size - begin < _SHORTEST_FRAME_BYTES:
        return None
    first = data[begin]
    if first != _TEXT and first != _BINARY:
        return None
    length = data[begin + 1] - _MASKED
    start = begin + _SHORTEST_FRAME_BYTES
    if length < _LENGTH_IN_2_BYTES:
        if length < 0:  # not masked
            return None
    else:
        width = 2 if length == _LENGTH_IN_2_BYTES else 8
        start += width
        if start > size:
            return None
        length = int.from_bytes(data[begin + 2 : begin + 2 + width], "big")
    if length > max_size_bytes:
        return None
    end = start + length
    if end > size:
        return None, end
    masked = data[start:end] if length < _COPIED_BYTES else memoryview(data)[start:end]
    payload: bytes = apply_mask(masked, data[start - 4 : start])
    if first == _BINARY:
        return payload, end
    try:
        return payload.decode(), end
    except UnicodeDecodeError:
        return None


def _heads(first: int) -> tuple[bytes, ...]:
    return tuple(bytes((first, length)) for length in range(_LENGTH_IN_2_BYTES))


_TEXT_HEADS: Final = _heads(_TEXT)
_BINARY_HEADS: Final = _heads(_BINARY)


def plain_frame(message: Message | bytearray | memoryview) -> bytes:
    """Return the frame of a whole message, as a server sends it.

    Args:
        message: The message. A view must be one of single bytes.
    """
    if isinstance(message, str):
        payload: bytes | bytearray | memoryview = message.encode()
        first, heads = _TEXT, _TEXT_HEADS
    else:
        payload = message
        first, heads = _BINARY, _BINARY_HEADS
    length = len(payload)
    if length < _LENGTH_IN_2_BYTES:
        return heads[length] + payload
    if length < 1 << 16:
        return bytes((first, _LENGTH_IN_2_BYTES)) + length.to_bytes(2, "big") + payload
    return bytes((first, _LENGTH_IN_8_BYTES)) + length.to_bytes(8, "big") + payload
