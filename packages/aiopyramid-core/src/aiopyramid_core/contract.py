"""What servers and applications tell each other through the WSGI environ.

Neither imports the other: a server puts these keys into the environ of a request if it has the
capability, an application looks for them. All names begin with ``aiopyramid.``.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

__all__ = ("ON_DISCONNECT", "UPGRADE", "OnDisconnect", "Upgrade", "UpgradedProtocol")

ON_DISCONNECT: Final = "aiopyramid.on_disconnect"
"""Key of an :data:`OnDisconnect`, where the server notices clients that go away."""

OnDisconnect = Callable[[Callable[[], object]], None]
"""Takes a callable without arguments, to be called on the event loop if the client goes away
before its response is complete; at once if it has gone already. Forgotten with the response.
"""

UPGRADE: Final = "aiopyramid.upgrade"
"""Key of an :data:`Upgrade`, where the server can hand a connection over to another protocol.

None where it can, but not for this request: one that did not ask, or that has a body.
"""


class UpgradedProtocol(Protocol):
    """What takes a connection over from HTTP: an :class:`asyncio.Protocol` that can be stopped.

    All methods are called on the event loop that serves.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The 101 response is written, and the transport is the protocol's own from here on.

        If the client has sent data after its request, :meth:`data_received` follows at once.

        Args:
            transport: The connection.
        """

    def data_received(self, data: bytes) -> None:
        """See :meth:`asyncio.Protocol.data_received`.

        Args:
            data: What the client has sent.
        """

    def eof_received(self) -> bool | None:
        """See :meth:`asyncio.Protocol.eof_received`."""

    def pause_writing(self) -> None:
        """See :meth:`asyncio.BaseProtocol.pause_writing`."""

    def resume_writing(self) -> None:
        """See :meth:`asyncio.BaseProtocol.resume_writing`."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; called exactly once.

        Called without :meth:`connection_made` before it if the connection was never handed over,
        because the client has gone or because the response was not 101 in the end.

        Args:
            exc: The error that broke the connection, or None.
        """

    def server_stops(self) -> None:
        """The server stops: tell the client, and close the transport before long.

        The server waits for that until its time limit expires, and then aborts the transport.
        """


Upgrade = Callable[[UpgradedProtocol], None]
"""Takes the protocol that gets the connection when a 101 response to this request is written.

To be called, on the event loop, before ``start_response("101 ...", headers)`` with ``Upgrade``
among the headers (RFC 9110, 7.8). A 101 response is refused without.
"""
