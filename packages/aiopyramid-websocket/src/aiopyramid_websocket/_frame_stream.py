"""Bytes that came in, parsed a limited number of frames at a time.

The Sans-I/O layer parses all that it is given before it comes back. Of empty pings, of six bytes
each, one read from the socket holds 40,000, which take a third of a second.
"""

from collections.abc import Generator

from websockets.protocol import Protocol
from websockets.streams import StreamReader

__all__ = ("FrameStream",)


class FrameStream(StreamReader):
    """A stream that stops the parser before a frame, when it has parsed as many as it may.

    Args:
        protocol: The Sans-I/O protocol, in the state OPEN, to which nothing was fed yet.

    Attributes:
        frames_left: How many frames may be parsed before it stops; to be set.
    """

    def __init__(self, protocol: Protocol) -> None:
        super().__init__()
        self.frames_left = 0
        protocol.reader = self
        protocol.parser = protocol.parse()  # the former one reads from the former stream
        next(protocol.parser)

    @property
    def is_stopped(self) -> bool:
        """Whether there is more to parse that has come in already."""
        return not self.frames_left and bool(self.buffer)

    def at_eof(self) -> Generator[None, None, bool]:
        """Tell whether the stream has ended; asked by the parser before each frame."""
        while True:
            if self.buffer:
                if self.frames_left:
                    self.frames_left -= 1
                    return False
            elif self.eof:
                return True
            yield
