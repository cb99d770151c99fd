"""What a connection needs of the server that accepted it."""

import asyncio
from typing import Protocol

from ._exchange import Services
from ._server_settings import ServerSettings

__all__ = ("OpenConnection", "Owner")


class OpenConnection(Protocol):
    """A connection, as its server sees it."""

    @property
    def deadline(self) -> float:
        """When, by the loop's clock, :meth:`expire` is to be called."""

    def expire(self) -> None:
        """The deadline has passed."""

    def retire(self, linger_seconds: float) -> None:
        """The server stops: close as soon as that does no harm."""

    def give_up(self) -> bool:
        """The server's patience has ended: break off; called again for who is left after that.

        Returns:
            Whether there was something to break off.
        """

    def abort(self) -> None:
        """Break the connection off at once."""

    def descriptor(self) -> int:
        """Return the descriptor of its socket; -1 if it is closed."""


class Owner(Protocol):
    """The server, as its connections see it: what they share, and where they report."""

    loop: asyncio.AbstractEventLoop
    services: Services
    settings: ServerSettings
    keeps_alive: bool
    idle_seconds: float

    @property
    def draining(self) -> bool:
        """Whether the server stops."""

    def remember(self, connection: OpenConnection) -> None:
        """A connection was made."""

    def forget(self, connection: OpenConnection) -> None:
        """A connection is gone."""

    def count_request(self) -> None:
        """A request was answered."""
