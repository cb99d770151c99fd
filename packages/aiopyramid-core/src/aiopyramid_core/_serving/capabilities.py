"""The capabilities that a connection offers the application; see ``aiopyramid_core.contract``.

They are in the environ, belong to one exchange at a time, and end with it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ..contract import ON_DISCONNECT, UPGRADE, UpgradedProtocol

__all__ = ("Capabilities",)


class Capabilities:
    """The application's requests to one connection: callbacks and an upgrade.

    Args:
        loop: The event loop.
        logger: Logs callbacks that fail: a ``logging.Logger``, or an object with the same
            methods.

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

    # --- Called by the application ------------------------------------------------------------

    def environ(self) -> dict[str, Any]:
        """Return the entries of every request's environ; few requests replace the second one."""
        return {ON_DISCONNECT: self.on_disconnect, UPGRADE: None}

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Register a callback for when the client disconnects during the exchange in progress.

        Args:
            callback: A callable without arguments.
        """
        if self.client_is_gone:
            self._loop.call_soon(self._call, callback)
        else:
            self._callbacks.append(callback)

    def upgrade(self, protocol: UpgradedProtocol) -> None:
        """Record the protocol that gets the connection if the response is 101.

        Args:
            protocol: The protocol.
        """
        self.successor = protocol

    # --- Called by the server -----------------------------------------------------------------

    def tell_disconnect(self) -> None:
        """Call the callbacks, because the client has closed its side."""
        self.client_is_gone = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except BaseException:
            # Also SystemExit and KeyboardInterrupt, which would end the event loop.
            self._logger.exception("The on_disconnect callback %r has failed", callback)

    def forget(self) -> UpgradedProtocol | None:
        """End the exchange; return the successor, if there is one."""
        self._callbacks.clear()
        successor, self.successor = self.successor, None
        return successor
