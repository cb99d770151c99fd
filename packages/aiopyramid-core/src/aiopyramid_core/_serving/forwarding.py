"""A connection that has left HTTP: another protocol owns it, and the server still counts it."""

import asyncio
from abc import ABC, abstractmethod

from ..contract import UpgradedProtocol

__all__ = ("ForwardingProtocol",)


class ForwardingProtocol(asyncio.Protocol, ABC):
    """Passes a transport's events to the protocol that has taken the connection over.

    A server derives a class from it, which learns by :meth:`lost` that the connection is gone.

    Args:
        protocol: The protocol that owns the connection now.
    """

    # An attribute, so that a transport that looks it up gets the other protocol's own method: it
    # is the one callback in which a forwarding call would cost measurable time.
    __slots__ = ("_protocol", "data_received")

    def __init__(self, protocol: UpgradedProtocol) -> None:
        self._protocol = protocol
        self.data_received = protocol.data_received  # type: ignore[method-assign]

    @abstractmethod
    def lost(self) -> None:
        """Act on the end of the connection, of which the protocol knows already."""

    # --- Called by asyncio --------------------------------------------------------------------

    def eof_received(self) -> bool | None:
        """Pass on that the client has sent its last byte."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass on that the client reads more slowly than the other protocol writes."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that the client has caught up."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that the connection is gone.

        Args:
            exc: The error that broke the connection, or None.
        """
        try:
            self._protocol.connection_lost(exc)
        finally:
            self.lost()
