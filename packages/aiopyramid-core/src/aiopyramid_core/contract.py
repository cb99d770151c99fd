"""Keys of the WSGI environ by which servers and applications communicate.

Neither imports the other: a server that has the capability puts the key into the environ of a
request, and an application looks for it. All names begin with ``aiopyramid.``.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ("ON_DISCONNECT", "UPGRADE", "OnDisconnect", "Upgrade", "UpgradedProtocol")

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
