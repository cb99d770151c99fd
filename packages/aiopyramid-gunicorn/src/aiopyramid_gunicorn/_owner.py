"""The interfaces between a connection and the server that accepted it."""

import asyncio
from typing import Protocol

from ._exchange import Services
from ._server_settings import ServerSettings

__all__ = ("OpenConnection", "Owner")


class OpenConnection(Protocol):
    """A connection, as its server sees it."""

    @property
    def deadline(self) -> float:
        """The time, by the loop's clock, at which :meth:`expire` must be called."""

    def expire(self) -> None:
        """Act on the deadline, which has passed."""

    def retire(self, linger_seconds: float) -> None:
        """Close as soon as that does no harm, because the server stops."""

    def give_up(self) -> bool:
        """Abort: the time for the drain is over. Called once more if the connection is still open.

        Returns:
            Whether anything was in progress on the connection.
        """

    def abort(self) -> None:
        """Abort the connection at once."""

    def descriptor(self) -> int:
        """Return the descriptor of the connection's socket; -1 if it is closed."""


class Owner(Protocol):
    """The server, as its connections see it: the state they share and the events they report."""

    loop: asyncio.AbstractEventLoop
    services: Services
    settings: ServerSettings
    keeps_alive: bool
    idle_seconds: float

    @property
    def draining(self) -> bool:
        """Whether the server is stopping."""

    def remember(self, connection: OpenConnection) -> None:
        """Register a new connection."""

    def forget(self, connection: OpenConnection) -> None:
        """Remove a connection that is gone."""

    def count_request(self) -> None:
        """Count a request that was answered."""
