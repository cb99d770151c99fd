"""Messages for many connections, framed and compressed once."""

from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol

from ._messages import Message
from ._sans_io import Deflate

__all__ = ("Broadcast",)

_NOT_COMPRESSED: Final = 0


class Broadcast:
    """A message for many connections, whose frame is built once.

    ::

        news = Broadcast("The kitchen is open.")
        late = [ws for ws in connections if not ws.post(news)]

    Connections without compression share one frame. Those with compression share one for each size
    of the compression window: it is compressed without the context of earlier messages, which every
    client can read (RFC 7692, 7.2.3.2).

    Args:
        message: ``str`` for a text message, ``bytes`` for a binary one.

    Attributes:
        message: The same.

    Raises:
        TypeError: The message has none of these types.
    """

    __slots__ = ("_frames", "message")

    def __init__(self, message: Message) -> None:
        if not isinstance(message, str | bytes):
            raise TypeError(f"a broadcast must be str or bytes, not {type(message).__name__}")
        self.message = message
        self._frames: dict[int, bytes] = {}

    def frame_for(self, protocol: Protocol) -> bytes | None:
        """Return the frame to write to a connection.

        A connection that uses compression forgets the context of its earlier messages.

        Args:
            protocol: The Sans-I/O protocol of the connection.

        Returns:
            The bytes of the frame, or None if the connection has extensions of another kind.
        """
        extensions = protocol.extensions
        if not extensions:
            return self._frames.get(_NOT_COMPRESSED) or self._build(_NOT_COMPRESSED, None)
        deflate = extensions[0]
        if type(deflate) is not Deflate or len(extensions) > 1:
            return None
        deflate.forget_context()
        window_bits = deflate.local_max_window_bits
        return self._frames.get(window_bits) or self._build(window_bits, deflate)

    def _build(self, key: int, deflate: Deflate | None) -> bytes:
        message = self.message
        frame = (
            Frame(Opcode.TEXT, message.encode())
            if isinstance(message, str)
            else Frame(Opcode.BINARY, message)
        )
        extensions = [] if deflate is None else [deflate.without_context()]
        self._frames[key] = data = frame.serialize(mask=False, extensions=extensions)
        return data
