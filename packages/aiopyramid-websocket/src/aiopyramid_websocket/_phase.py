"""The phases of a connection, and the only moves between them."""

import enum
from typing import Final

__all__ = ("MOVES", "OPEN", "Phase")


class Phase(enum.Enum):
    """How far a connection has come."""

    NEW = "the handshake's answer is not sent yet"
    OPEN = "messages go both ways"
    CLOSING = "a side has said close, and nothing more is sent"
    ENDING = "both have, or the client broke the protocol: only the end of the stream is awaited"
    LOST = "the transport is gone"


OPEN: Final = Phase.OPEN
"""Every message asks for it, and on Python 3.11 a look-up in an enumeration is slow."""

MOVES: Final[dict[Phase, frozenset[Phase]]] = {
    Phase.NEW: frozenset({Phase.OPEN, Phase.LOST}),
    Phase.OPEN: frozenset({Phase.CLOSING, Phase.ENDING, Phase.LOST}),
    Phase.CLOSING: frozenset({Phase.ENDING, Phase.LOST}),
    Phase.ENDING: frozenset({Phase.LOST}),
    Phase.LOST: frozenset(),
}
