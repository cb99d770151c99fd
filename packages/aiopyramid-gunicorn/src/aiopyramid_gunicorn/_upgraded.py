"""A connection that has left HTTP: another protocol has it, the server still counts it."""

import asyncio
import math
from typing import Final

from aiopyramid_core.contract import UpgradedProtocol

from ._fence import descriptor_of, peer_of
from ._owner import Owner

__all__ = ("UpgradedConnection",)


class UpgradedConnection(asyncio.Protocol):
    """Passes on what the transport says, and lets the server know of the end.

    The HTTP connection with its parser would be much to keep for a connection that may be idle
    for hours.

    Args:
        owner: The server which accepted the connection.
        protocol: What has it now.
        transport: The connection's transport.

    Attributes:
        deadline: Never: how long the client may be silent is the other protocol's business.
    """

    # An attribute, so that a transport which asks for it gets the other protocol's own method:
    # the one callback in which a forwarding call would be felt.
    __slots__ = ("_had_last_words", "_owner", "_protocol", "_transport", "data_received")

    deadline: Final = math.inf

    def __init__(
        self, owner: Owner, protocol: UpgradedProtocol, transport: asyncio.Transport
    ) -> None:
        self._owner = owner
        self._protocol = protocol
        self._transport = transport
        self._had_last_words = False
        self.data_received = protocol.data_received  # type: ignore[method-assign]

    def begin(self, early: bytes, *, at_eof: bool) -> None:
        """Take the transport over.

        Args:
            early: What the client has sent behind its request.
            at_eof: Whether that was the last.
        """
        self._owner.remember(self)
        self._transport.set_protocol(self)
        # HTTP has paused it behind the request. Not later, or this could undo another pause.
        self._transport.resume_reading()
        self._protocol.connection_made(self._transport)
        if early:
            self._protocol.data_received(early)
        if at_eof and not self._protocol.eof_received():
            self._transport.close()
        if self._owner.draining:
            self._protocol.server_stops()

    # --- Called by asyncio --------------------------------------------------------------------

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
            self._owner.forget(self)

    # --- Called by the server -----------------------------------------------------------------

    def expire(self) -> None:
        """Never called: there is no deadline."""

    def retire(self, linger_seconds: float) -> None:
        """The server stops."""
        self._protocol.server_stops()

    def give_up(self) -> bool:
        """The server's patience has ended; called again when that for last words has.

        Returns:
            Whether it was broken off: not at first, for the protocol may have begun only now to
            close the connection, if the server had no patience at all.
        """
        if not self._had_last_words:
            self._had_last_words = True
            return False
        self.abort()
        return True

    def abort(self) -> None:
        """Break the connection off at once."""
        self._transport.abort()

    def descriptor(self) -> int:
        """Return the descriptor of its socket; -1 if it is closed."""
        return descriptor_of(self._transport)

    def __str__(self) -> str:
        return f"{peer_of(self._transport)} ({type(self._protocol).__name__})"
