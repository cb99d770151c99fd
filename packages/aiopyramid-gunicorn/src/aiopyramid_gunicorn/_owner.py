"""What a connection needs of the server that accepted it."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from ._environ import EnvironSettings
from ._limits import Limits, Times
from ._wsgi import Services

if TYPE_CHECKING:
    from .protocol import HTTPProtocol

__all__ = ("Owner",)


class Owner(Protocol):
    """The server, as its connections see it: what they share, and where they report."""

    loop: asyncio.AbstractEventLoop
    services: Services
    environ_settings: EnvironSettings
    limits: Limits
    times: Times
    proxy_protocol: str
    keeps_alive: bool
    idle_seconds: float

    def remember(self, connection: "HTTPProtocol") -> None:
        """A connection was made."""

    def forget(self, connection: "HTTPProtocol") -> None:
        """A connection is gone."""

    def count_request(self) -> None:
        """A request was answered."""
