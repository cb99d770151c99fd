"""The phases of a connection, and the only transitions between them."""

import enum
from typing import Final

__all__ = ("MOVES", "OPEN", "Phase")


class Phase(enum.Enum):
    """The progress of a connection."""

    NEW = "the response to the handshake is not sent yet"
    OPEN = "messages are sent both ways"
    CLOSING = "one side has sent a close, and no more messages are sent"
    ENDING = "both sides have, or the client broke the protocol: waiting for the end of the stream"
    LOST = "the transport is gone"


OPEN: Final = Phase.OPEN
"""Every message needs it, and on Python 3.11 a look-up in an enumeration is slow."""

MOVES: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.NEW: frozenset({Phase.OPEN, Phase.LOST}),
    Phase.OPEN: frozenset({Phase.CLOSING, Phase.ENDING, Phase.LOST}),
    Phase.CLOSING: frozenset({Phase.ENDING, Phase.LOST}),
    Phase.ENDING: frozenset({Phase.LOST}),
    Phase.LOST: frozenset(),
}
