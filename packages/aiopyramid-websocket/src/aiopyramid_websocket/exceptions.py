"""Every exception of aiopyramid-websocket.

::

    AiopyramidError (aiopyramid_core)
    ├── WebSocketClosed     the connection is closed: nothing can be sent any more
    ├── AlreadyReceiving    two tasks wait for the next message of one connection
    ├── PingNotSupported    the server, which sends the pings, does not offer them
    └── InvalidAcceptance   the accept function of a view has given an invalid answer
"""

from aiopyramid_core import AiopyramidError

__all__ = (
    "AlreadyReceiving",
    "InvalidAcceptance",
    "PingNotSupported",
    "WebSocketClosed",
    "WebsocketClosed",
)


class WebSocketClosed(AiopyramidError):
    """The connection is closed, or about to be: nothing can be sent any more.

    A handler need not catch it: a handler that raises it ends without an error in the log.

    Attributes:
        code: The close code (RFC 6455, 7.4), 1006 if the client disconnected without one.
        reason: The reason that the closing side gave.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"The WebSocket connection is closed ({self.code}{reason})"


WebsocketClosed = WebSocketClosed  # the spelling of aiopyramid 0.x


class AlreadyReceiving(AiopyramidError, RuntimeError):
    """``recv`` was called while another task waits for the next message."""

    def __str__(self) -> str:
        return (
            "Another task already waits for the next message of this connection. Receive in one"
            " task, and pass the messages on from there."
        )


class PingNotSupported(AiopyramidError):
    """``ping`` was called on a server that sends pings by itself, as ASGI servers do."""

    def __str__(self) -> str:
        return (
            "This server sends the pings by itself, and offers none to the application: measure the"
            " time of a message and its answer instead"
        )


class InvalidAcceptance(AiopyramidError, ValueError):
    """The ``accept`` function of a view has answered an opening handshake in an invalid way."""
