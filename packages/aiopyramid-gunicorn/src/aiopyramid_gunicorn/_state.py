"""The states of a connection, and the only transitions between them.

One enumeration and one table replace pairs of flags: a transition not in the table cannot happen.
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
    """The state of a connection with regard to the oldest request that is not answered yet."""

    IDLE = "waiting for a request"
    RECEIVING = "receiving a request"
    HANDLING = "the application handles a request"
    UPGRADED = "another protocol owns the transport"
    CLOSING = "the last response is being sent, nothing more is read"
    CLOSED = "the transport is gone"

    # The enumeration's own __hash__ hashes the name, in Python, several times for each request.
    __hash__ = object.__hash__


# On Python 3.11 a look-up in the enumeration takes ten times as long. A request needs twenty of
# them, which is a twentieth of the time of a small request.
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
    # The other protocol decides about the connection now.
    State.UPGRADED: frozenset(),
    State.CLOSING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}
