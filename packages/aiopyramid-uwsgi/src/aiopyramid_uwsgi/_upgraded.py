"""A connection that has left HTTP: another protocol uses a duplicate of uWSGI's socket.

uWSGI's own descriptor must not be watched, since uWSGI closes it without telling the event loop.
Until the end uWSGI's greenlet waits, which keeps uWSGI from using the connection.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol, cast

from aiopyramid_core.contract import UpgradedProtocol
from aiopyramid_core.servers import ForwardingProtocol, wait_hosted

from . import _api

__all__ = ("TAKE_OVER", "TakenOver", "UpgradedConnection")

TAKE_OVER: Final = "aiopyramid.uwsgi.take_over"
"""Key of a function that takes a protocol and the :class:`TakenOver` with which it gets the
connection; None if it cannot for this request.
"""


class TakenOver(Protocol):
    """The owner of a uWSGI connection from the 101 response on."""

    def serve(self, write: Callable[[bytes], object]) -> None:
        """Serve the connection to its end; called in uWSGI's greenlet.

        Args:
            write: Sends bytes to the client through uWSGI, and waits in uWSGI's greenlet.
        """

    def abandon(self) -> None:
        """Clean up: the connection is not handed over, because the response was not 101."""

    def server_stops(self) -> None:
        """Tell the client that the worker stops."""

    def abort(self) -> None:
        """Abort the connection, because the time for requests in progress is over."""


class UpgradedConnection(ForwardingProtocol):
    """Passes the transport's events to the protocol, and reports when the transport is gone.

    Args:
        protocol: The protocol that owns the connection now.
    """

    __slots__ = ("_loop", "_lost", "_transport", "_was_told")

    def __init__(self, protocol: UpgradedProtocol) -> None:
        super().__init__(protocol)
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._was_told = False

    def serve(self, write: Callable[[bytes], object]) -> None:
        """Serve the connection to its end; see :class:`TakenOver`."""
        wait_hosted(asyncio.ensure_future(self._run(_api.duplicate_connection())))

    async def _run(self, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(lambda: self, connection)
        await self._lost

    def abandon(self) -> None:
        """Clean up if the connection is not handed over; do nothing if it was."""
        if not self._lost.done():
            self.connection_lost(None)

    def server_stops(self) -> None:
        """Tell the protocol that the worker stops, as soon as it has its transport."""
        self._was_told = True
        if self._transport is not None and not self._lost.done():
            self._protocol.server_stops()

    def abort(self) -> None:
        """Abort the connection, because the time for requests in progress is over."""
        if self._transport is not None:
            self._transport.abort()

    # --- Called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass on the transport, after the 101 is written."""
        # A cast instead of a check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.connection_made(transport)
        if self._was_told:
            self._protocol.server_stops()

    def lost(self) -> None:
        """Wake uWSGI's greenlet."""
        self._lost.set_result(None)
