"""The states of a connection, and the only moves between them.

One enumeration and one table instead of pairs of flags: what is not in the table cannot happen.
"""

import enum
from typing import Final

__all__ = (
    "CLOSED",
    "CLOSING",
    "HANDLING",
    "IDLE",
    "RECEIVING",
    "TRANSITIONS",
    "UPGRADED",
    "State",
)


class State(enum.Enum):
    """What a connection is doing, seen from the oldest request that is not answered yet."""

    IDLE = "waiting for a request"
    RECEIVING = "receiving a request"
    HANDLING = "the application handles a request"
    UPGRADED = "another protocol has the transport"
    CLOSING = "the last answer is on its way, nothing more is read"
    CLOSED = "the transport is gone"

    # An enumeration's own hashes the name, in Python, several times for each request.
    __hash__ = object.__hash__


# On Python 3.11 it takes ten times as long to look one up in the enumeration, and a request needs
# twenty of them: a twentieth of a small one's time.
IDLE: Final = State.IDLE
RECEIVING: Final = State.RECEIVING
HANDLING: Final = State.HANDLING
UPGRADED: Final = State.UPGRADED
CLOSING: Final = State.CLOSING
CLOSED: Final = State.CLOSED

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.IDLE: frozenset({State.RECEIVING, State.HANDLING, State.CLOSING, State.CLOSED}),
    State.RECEIVING: frozenset({State.HANDLING, State.CLOSING, State.CLOSED}),
    # From HANDLING to HANDLING: the next pipelined request is complete already.
    State.HANDLING: frozenset(
        {
            State.IDLE,
            State.RECEIVING,
            State.HANDLING,
            State.UPGRADED,
            State.CLOSING,
            State.CLOSED,
        }
    ),
    # What becomes of the connection now is no longer HTTP's business.
    State.UPGRADED: frozenset(),
    State.CLOSING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}
