"""The listeners and connections of one worker: accept, supervise, drain."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from aiopyramid_core.servers import LAST_WORDS_SECONDS

from ._exchange import Services
from ._fence import break_off
from ._listener import Listener
from ._owner import OpenConnection
from ._protocol import HTTPProtocol
from ._server_settings import ServerSettings

__all__ = ("Server",)


class Server:
    """Serves HTTP on sockets that are bound already.

    Args:
        services: The objects that the exchanges share: the application and the loggers.
        settings: How clients are treated.
        loop: The event loop.
        on_enough: Called once, when ``max_requests`` of the settings have been answered.

    Attributes:
        connections: All open connections.
        draining: Whether the server is stopping.
        handled: Requests answered so far.
        keeps_alive: Whether connections may serve another request.
        idle_seconds: How long a connection may wait for its next request.
    """

    def __init__(
        self,
        services: Services,
        settings: ServerSettings,
        loop: asyncio.AbstractEventLoop,
        on_enough: Callable[[], None] | None = None,
    ) -> None:
        self.services = services
        self.settings = settings
        self.loop = loop
        self.connections: set[OpenConnection] = set()
        self.draining = False
        self.handled = 0
        self.keeps_alive = settings.times.keep_alive_seconds > 0
        self.idle_seconds = settings.times.keep_alive_seconds
        self._on_enough = on_enough
        self._listeners: list[Listener] = []
        self._deserted = asyncio.Event()

    def listen(self, sockets: list[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Accept connections.

        Args:
            sockets: Bound, listening, non-blocking sockets.
            tls: Context for encrypted connections, or None.
        """
        for sock in sockets:
            listener = Listener(
                sock,
                lambda: HTTPProtocol(self),
                self._has_room,
                self._accept_more,
                self.loop,
                self.services.logger,
                tls,
                self.settings.times.head_seconds,
            )
            self._listeners.append(listener)
            listener.resume()

    def _has_room(self) -> bool:
        room = self.settings.max_connections - len(self.connections)
        for listener in self._listeners:
            room -= len(listener.welcomes)
        return room > 0

    def _accept_more(self) -> None:
        """Resume all listeners, because there may be room again."""
        for listener in self._listeners:
            if not listener.is_listening:
                listener.resume()

    def remember(self, connection: OpenConnection) -> None:
        """Register a new connection."""
        self.connections.add(connection)

    def forget(self, connection: OpenConnection) -> None:
        """Remove a connection that is gone."""
        self.connections.discard(connection)
        self._accept_more()
        if not self.connections:
            self._deserted.set()

    def count_request(self) -> None:
        """Count a request that was answered."""
        self.handled += 1
        if self.handled == self.settings.max_requests and self._on_enough is not None:
            self._on_enough()

    def expire(self) -> None:
        """Expire the connections whose deadline has passed; to be called about once a second.

        Checking each connection once a second costs less than a timer for each request.
        """
        # Not at once: a request may have arrived on an idle connection while the loop was blocked.
        # After two iterations of the loop, all data that has arrived by now has been read.
        self.loop.call_soon(self.loop.call_soon, self._expire, self.loop.time())

    def _expire(self, now: float) -> None:
        for connection in [c for c in self.connections if c.deadline <= now]:
            self._have(connection, connection.expire)

    def _have(self, connection: OpenConnection, act: Callable[..., Any], *args: Any) -> Any:
        """Call a method of a connection; if it fails, the connection is aborted and forgotten.

        Returns:
            The return value of ``act``; None if it has failed.
        """
        try:
            return act(*args)
        except Exception:
            break_off(connection, self.services.logger)
            self.forget(connection)
            return None

    def descriptors(self) -> list[int]:
        """Return the descriptors of all connections; -1 for those that are closed."""
        return [connection.descriptor() for connection in self.connections]

    async def drain(self, patience_seconds: float) -> int:
        """Stop accepting, let the requests in progress finish, then abort the rest.

        Args:
            patience_seconds: How long to wait for requests in progress.

        Returns:
            How many connections had to be aborted although a request was in progress on them.
        """
        end = self.loop.time() + patience_seconds
        self.draining = True
        self.keeps_alive = False
        for listener in self._listeners:
            listener.stop()
        linger_seconds = min(_IDLE_SECONDS, patience_seconds)
        self.idle_seconds = min(self.idle_seconds, linger_seconds)
        await asyncio.gather(*(listener.settle(linger_seconds) for listener in self._listeners))
        for connection in tuple(self.connections):
            self._have(connection, connection.retire, linger_seconds)
        if await self._is_deserted_within(end - self.loop.time()):
            return 0
        # Those that were idle are closing already.
        cut = self._give_up()
        if not await self._is_deserted_within(LAST_WORDS_SECONDS):
            cut |= self._give_up()
            await self._is_deserted_within(_ABORT_SECONDS)
        return len(cut)

    def _give_up(self) -> set[OpenConnection]:
        """Have all connections give up; return those with a request in progress."""
        left = tuple(self.connections)
        return {connection for connection in left if self._have(connection, connection.give_up)}

    async def _is_deserted_within(self, seconds: float) -> bool:
        end = self.loop.time() + seconds
        while self.connections:
            self.expire()
            left = end - self.loop.time()
            if left <= 0:
                return False
            self._deserted.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deserted.wait(), min(left, _LOOK_SECONDS))
        return True


_IDLE_SECONDS: Final = 2.0
"""How long idle connections stay open in a drain.

A client may be sending its next request at that moment, which closing would lose. The request is
answered instead, with ``Connection: close``. gunicorn's threaded worker waits as long.
"""

_ABORT_SECONDS: Final = 0.1
"""Maximum time to wait for the loop to report that aborted connections are lost."""

_LOOK_SECONDS: Final = 0.25
"""How often a drain checks for connections whose deadline has passed."""
