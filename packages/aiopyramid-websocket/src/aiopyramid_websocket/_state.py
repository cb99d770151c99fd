"""The states of a connection, and the only transitions between them."""

import enum
from typing import Final

__all__ = ("OPEN", "TRANSITIONS", "State")


class State(enum.Enum):
    """The progress of a connection."""

    NEW = "the response to the handshake is not sent yet"
    OPEN = "messages are sent both ways"
    CLOSING = "one side has sent a close, and no more messages are sent"
    ENDING = "both sides have, or the client broke the protocol: waiting for the end of the stream"
    LOST = "the transport is gone"


OPEN: Final = State.OPEN
"""Every message needs it, and on Python 3.11 a look-up in an enumeration is slow."""

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.NEW: frozenset({State.OPEN, State.LOST}),
    State.OPEN: frozenset({State.CLOSING, State.ENDING, State.LOST}),
    State.CLOSING: frozenset({State.ENDING, State.LOST}),
    State.ENDING: frozenset({State.LOST}),
    State.LOST: frozenset(),
}
