"""Received bytes, parsed a limited number of frames at a time.

The Sans-I/O layer parses all the data that it is given before it returns. One read from the socket
may contain 40,000 empty pings, of six bytes each, which take a third of a second.
"""

from collections.abc import Generator

from websockets.protocol import Protocol
from websockets.streams import StreamReader

__all__ = ("FrameStream",)


class FrameStream(StreamReader):
    """A stream that stops the parser between two frames, after a given number of them.

    Args:
        protocol: The Sans-I/O protocol, in the state OPEN, before any data is fed to it.

    Attributes:
        frames_left: How many frames may be parsed before the parser stops; to be set.
        is_between_frames: Whether the parser waits for the first byte of a frame.
    """

    def __init__(self, protocol: Protocol) -> None:
        super().__init__()
        self.frames_left = 0
        self.is_between_frames = True
        protocol.reader = self
        protocol.parser = protocol.parse()  # the previous one reads from the previous stream
        next(protocol.parser)

    @property
    def is_stopped(self) -> bool:
        """Whether the parser has stopped although more data has arrived."""
        return not self.frames_left and bool(self.buffer)

    def at_eof(self) -> Generator[None, None, bool]:
        """Return whether the stream has ended; called by the parser before each frame."""
        while True:
            if self.buffer:
                if self.frames_left:
                    self.frames_left -= 1
                    self.is_between_frames = False
                    return False
            elif self.eof:
                return True
            else:
                self.is_between_frames = True
            yield
