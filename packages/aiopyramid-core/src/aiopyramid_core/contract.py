"""Keys of the WSGI environ by which servers and applications communicate.

Neither imports the other: a server that has the capability puts the key into the environ of a
request, and an application looks for it. All names begin with ``aiopyramid.``.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

__all__ = (
    "BODY_IN_MEMORY",
    "MESSAGES",
    "ON_DISCONNECT",
    "ON_HANDLER_END",
    "UPGRADE",
    "MessageChannel",
    "MessageProtocol",
    "Messages",
    "OnDisconnect",
    "Upgrade",
    "UpgradedProtocol",
)

BODY_IN_MEMORY: Final = "aiopyramid.body_in_memory"
"""Key of the ``io.BytesIO`` that the server has made ``wsgi.input``, if it is the whole body.

It can be read as often as needed, also after the response. WebOb would copy it at first.
"""

ON_DISCONNECT: Final = "aiopyramid.on_disconnect"
"""Key of an :data:`OnDisconnect`, if the server notices that a client disconnects."""

OnDisconnect = Callable[[Callable[[], object]], None]
"""Takes a callable without arguments, which is called on the event loop if the client disconnects
before its response is complete; at once if it has disconnected already. It is dropped after the
response.
"""

UPGRADE: Final = "aiopyramid.upgrade"
"""Key of an :data:`Upgrade`, if the server can hand a connection over to another protocol.

None if the server can do this, but not for this request: the request does not ask for it, or has a
body.
"""


class UpgradedProtocol(Protocol):
    """An :class:`asyncio.Protocol` that takes over a connection from HTTP and can be stopped.

    All methods are called on the event loop that serves.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the 101 response has been written; the protocol now owns the transport.

        If the client has sent data after its request, :meth:`data_received` follows at once.

        Args:
            transport: The connection.
        """

    def data_received(self, data: bytes) -> None:
        """See :meth:`asyncio.Protocol.data_received`.

        Args:
            data: The bytes that the client has sent.
        """

    def eof_received(self) -> bool | None:
        """See :meth:`asyncio.Protocol.eof_received`."""

    def pause_writing(self) -> None:
        """See :meth:`asyncio.BaseProtocol.pause_writing`."""

    def resume_writing(self) -> None:
        """See :meth:`asyncio.BaseProtocol.resume_writing`."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Called exactly once, when the connection is closed.

        Called without :meth:`connection_made` before it if the connection was never handed over,
        because the client has disconnected or because the response was not 101.

        Args:
            exc: The error that broke the connection, or None.
        """

    def server_stops(self) -> None:
        """Called when the server stops: notify the client, and close the transport soon.

        The server waits for that until its time limit expires, and then aborts the transport.
        """


Upgrade = Callable[[UpgradedProtocol], None]
"""Takes the protocol that gets the connection when a 101 response to this request is written.

It must be called on the event loop, before ``start_response("101 ...", headers)`` with ``Upgrade``
among the headers (RFC 9110, 7.8). Otherwise the 101 response is refused.
"""


# --- WebSockets of servers that frame messages themselves -----------------------------------------

MESSAGES: Final = "aiopyramid.messages"
"""Key of a :data:`Messages`, for a WebSocket whose handshake and frames are the server's.

The server has checked the handshake. The application answers it with a 101 response, with
``Sec-WebSocket-Protocol`` among its headers if it has chosen a subprotocol; any other response
refuses it.
"""

ON_HANDLER_END: Final = "aiopyramid.websocket.on_end"
"""Key of a callable without arguments, called when the handler of a WebSocket has ended."""


class MessageChannel(Protocol):
    """The server's side of a WebSocket, in whole messages."""

    def send(self, message: str | bytes) -> None:
        """Send a message; never waits.

        If the client reads more slowly, :meth:`MessageProtocol.pause_writing` is called, and what
        is sent nevertheless is kept.

        Args:
            message: Text, or binary data.
        """

    def close(self, code: int, reason: str) -> None:
        """Send a close, after all messages; :meth:`MessageProtocol.connection_lost` follows.

        Args:
            code: The close code (RFC 6455, 7.4).
            reason: At most 123 bytes in UTF-8.
        """

    def abort(self) -> None:
        """Give the connection up without waiting for the client."""

    def pause_reading(self) -> None:
        """Stop taking messages from the client."""

    def resume_reading(self) -> None:
        """Take messages from the client again."""


class MessageProtocol(Protocol):
    """The application's side of a WebSocket; all methods are called on the event loop."""

    def connection_made(self, channel: MessageChannel) -> None:
        """Called when the handshake has been answered.

        Args:
            channel: The server's side.
        """

    def message_received(self, message: str | bytes) -> None:
        """Called for each message.

        Args:
            message: Text, or binary data.
        """

    def pause_writing(self) -> None:
        """Called when the client reads more slowly than the application writes."""

    def resume_writing(self) -> None:
        """Called when the client has caught up."""

    def connection_lost(self, code: int, reason: str) -> None:
        """Called exactly once, without :meth:`connection_made` before it if there never was one.

        Args:
            code: The close code: the client's, or ours, or 1006 if there was none.
            reason: The reason that came with it.
        """

    def server_stops(self) -> None:
        """Called when the server stops: notify the client, and close the connection soon."""


Messages = Callable[[MessageProtocol], None]
"""Takes the protocol that gets the connection when a 101 response answers the handshake.

It must be called on the event loop, before ``start_response("101 ...", headers)``.
"""
