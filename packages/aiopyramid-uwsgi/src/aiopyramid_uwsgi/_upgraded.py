"""A connection that has left HTTP: another protocol has a duplicate of uWSGI's socket.

uWSGI's own descriptor must not be watched, since uWSGI closes it without a word to the event loop.
Its greenlet waits meanwhile, which keeps uWSGI from doing anything with the connection.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol, cast

from aiopyramid_core.contract import UpgradedProtocol
from aiopyramid_core.servers import wait_hosted

from . import _api

__all__ = ("TAKE_OVER", "TakenOver", "UpgradedConnection")

TAKE_OVER: Final = "aiopyramid.uwsgi.take_over"
"""Key of a function that takes a :class:`TakenOver`; None if it cannot for this request."""


class TakenOver(Protocol):
    """What has a connection of uWSGI's from the 101 response on."""

    def serve(self, write: Callable[[bytes], object]) -> None:
        """Serve the connection to its end; called in uWSGI's greenlet.

        Args:
            write: Sends bytes to the client by way of uWSGI, waiting in uWSGI's greenlet.
        """

    def abandon(self) -> None:
        """The connection is not handed over, because the response was not 101 in the end."""

    def server_stops(self) -> None:
        """The worker stops: tell the client."""

    def abort(self) -> None:
        """The worker's patience has ended."""


class UpgradedConnection(asyncio.Protocol):
    """Passes on what the transport says, and tells when it is gone.

    Args:
        protocol: What has the connection now.
    """

    # An attribute, so that a transport which asks for it gets the other protocol's own method:
    # the one callback in which a forwarding call would be felt.
    __slots__ = ("_loop", "_lost", "_protocol", "_transport", "data_received")

    def __init__(self, protocol: UpgradedProtocol) -> None:
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self.data_received = protocol.data_received  # type: ignore[method-assign]

    def serve(self, write: Callable[[bytes], object]) -> None:
        """Serve the connection to its end; see :class:`TakenOver`."""
        wait_hosted(asyncio.ensure_future(self._run(_api.duplicate_connection())))

    async def _run(self, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(lambda: self, connection)
        await self._lost

    def abandon(self) -> None:
        """The connection is not handed over; does nothing if it was."""
        if not self._lost.done():
            self.connection_lost(None)

    def server_stops(self) -> None:
        """The worker stops."""
        if self._transport is not None and not self._lost.done():
            self._protocol.server_stops()

    def abort(self) -> None:
        """The worker's patience has ended."""
        if self._transport is not None:
            self._transport.abort()

    # --- Called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The 101 is written."""
        # A cast and no check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.connection_made(transport)

    def eof_received(self) -> bool | None:
        """The client has sent its last byte."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """The client reads more slowly than the other protocol writes."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._lost.set_result(None)
