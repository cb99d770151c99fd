"""What a connection offers the application by way of the environ; see ``aiopyramid_core.contract``.

Both offers are made for one exchange at a time, and forgotten with it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE, UpgradedProtocol

from .exceptions import ApplicationError

__all__ = ("Offers",)


class Offers:
    """What the application has asked of one connection.

    Args:
        loop: The event loop.
        may_upgrade: Returns whether the request in progress asks to leave HTTP.

    Attributes:
        successor: The protocol that gets the connection if the response is 101, or None.
        client_is_gone: Whether the client has closed its side.
    """

    __slots__ = ("_callbacks", "_loop", "_may_upgrade", "client_is_gone", "successor")

    def __init__(self, loop: asyncio.AbstractEventLoop, may_upgrade: Callable[[], bool]) -> None:
        self._loop = loop
        self._may_upgrade = may_upgrade
        self._callbacks: list[Callable[[], object]] = []
        self.successor: UpgradedProtocol | None = None
        self.client_is_gone = False

    def environ(self) -> dict[str, Any]:
        """Return the entries of the environ that make the offers."""
        return {ON_DISCONNECT: self.on_disconnect, UPGRADE: self.upgrade}

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Have a callable called if the client goes away during the exchange in progress."""
        if self.client_is_gone:
            self._loop.call_soon(callback)
        else:
            self._callbacks.append(callback)

    def upgrade(self, protocol: UpgradedProtocol) -> None:
        """Take note of the protocol that gets the connection if the response is 101.

        Raises:
            ApplicationError: The request in progress did not ask for an upgrade.
        """
        if not self._may_upgrade():
            raise ApplicationError(
                f"{UPGRADE} was called for a request without 'Connection: Upgrade' (RFC 9110, 7.8)"
            )
        self.successor = protocol

    def tell_disconnect(self) -> None:
        """The client has closed its side."""
        self.client_is_gone = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def forget(self) -> UpgradedProtocol | None:
        """The exchange has ended; return the successor, if there is one."""
        self._callbacks.clear()
        successor, self.successor = self.successor, None
        return successor
