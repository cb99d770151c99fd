"""A connection that has left HTTP: another protocol owns it, and the server still counts it."""

import asyncio
import math
from typing import Final

from aiopyramid_core.contract import UpgradedProtocol
from aiopyramid_core.servers import ForwardingProtocol

from ._fence import descriptor_of, peer_of
from ._owner import Owner

__all__ = ("UpgradedConnection",)


class UpgradedConnection(ForwardingProtocol):
    """Passes the transport's events to the protocol, and tells the server when it is closed.

    Keeping the HTTP connection with its parser would waste memory, because an upgraded connection
    may be idle for hours.

    Args:
        owner: The server that accepted the connection.
        protocol: The protocol that owns it now.
        transport: The connection's transport.

    Attributes:
        deadline: Never, because the other protocol decides how long the client may be silent.
    """

    __slots__ = ("_had_last_words", "_owner", "_transport")

    deadline: Final = math.inf

    def __init__(
        self, owner: Owner, protocol: UpgradedProtocol, transport: asyncio.Transport
    ) -> None:
        super().__init__(protocol)
        self._owner = owner
        self._transport = transport
        self._had_last_words = False

    def begin(self, early: bytes, *, at_eof: bool) -> None:
        """Take over the transport.

        Args:
            early: The bytes that the client has sent after its request.
            at_eof: Whether the client has closed its side after them.
        """
        self._owner.remember(self)
        self._transport.set_protocol(self)
        # HTTP has paused reading after the request. Resume now, because later this could undo a
        # pause by the other protocol.
        self._transport.resume_reading()
        self._protocol.connection_made(self._transport)
        if early:
            self._protocol.data_received(early)
        if at_eof and not self._protocol.eof_received():
            self._transport.close()
        if self._owner.draining:
            self._protocol.server_stops()

    def lost(self) -> None:
        """Leave the server's set of connections."""
        self._owner.forget(self)

    # --- Called by the server -----------------------------------------------------------------

    def expire(self) -> None:
        """Do nothing: there is no deadline, so this is never called."""

    def retire(self, linger_seconds: float) -> None:
        """Tell the protocol that the server stops."""
        self._protocol.server_stops()

    def give_up(self) -> bool:
        """Abort the connection on the second call; the first one leaves time for closing.

        The server calls this when the time for its drain is over, and again shortly after that.

        Returns:
            Whether the connection was aborted: not on the first call, because the protocol may
            only just have begun to close the connection if the drain had no time at all.
        """
        if not self._had_last_words:
            self._had_last_words = True
            return False
        self.abort()
        return True

    def abort(self) -> None:
        """Abort the connection at once."""
        self._transport.abort()

    def descriptor(self) -> int:
        """Return the descriptor of the connection's socket; -1 if it is closed."""
        return descriptor_of(self._transport)

    def __str__(self) -> str:
        return f"{peer_of(self._transport)} ({type(self._protocol).__name__})"
