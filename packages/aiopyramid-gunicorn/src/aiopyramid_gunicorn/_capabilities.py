"""What a connection offers the application by way of the environ; see ``aiopyramid_core.contract``.

Both offers are made for one exchange at a time, and forgotten with it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE, UpgradedProtocol

__all__ = ("Capabilities",)


class Capabilities:
    """What the application has asked of one connection.

    Args:
        loop: The event loop.
        logger: Told of callbacks that fail.

    Attributes:
        successor: The protocol that gets the connection if the response is 101, or None.
        client_is_gone: Whether the client has closed its side.
    """

    __slots__ = ("_callbacks", "_logger", "_loop", "client_is_gone", "successor")

    def __init__(self, loop: asyncio.AbstractEventLoop, logger: Any) -> None:
        self._loop = loop
        self._logger = logger
        self._callbacks: list[Callable[[], object]] = []
        self.successor: UpgradedProtocol | None = None
        self.client_is_gone = False

    def environ(self) -> dict[str, Any]:
        """Return the entries of every request's environ; the second is for few to be replaced."""
        return {ON_DISCONNECT: self.on_disconnect, UPGRADE: None}

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Have a callable called if the client goes away during the exchange in progress."""
        if self.client_is_gone:
            self._loop.call_soon(self._call, callback)
        else:
            self._callbacks.append(callback)

    def upgrade(self, protocol: UpgradedProtocol) -> None:
        """Take note of the protocol that gets the connection if the response is 101."""
        self.successor = protocol

    def tell_disconnect(self) -> None:
        """The client has closed its side."""
        self.client_is_gone = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except BaseException:
            # SystemExit and the like as well, which would end the event loop.
            self._logger.exception("%r, a callback for the client's going has failed", callback)

    def forget(self) -> UpgradedProtocol | None:
        """The exchange has ended; return the successor, if there is one."""
        self._callbacks.clear()
        successor, self.successor = self.successor, None
        return successor
