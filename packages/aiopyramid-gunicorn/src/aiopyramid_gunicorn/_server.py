"""The listeners and connections of one worker: accept, watch over, drain."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from ._ending import LAST_WORDS_SECONDS
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
        services: What the exchanges share: the application and the loggers.
        settings: How clients are treated.
        loop: The event loop.
        on_enough: Called once, when ``max_requests`` of the settings were answered.

    Attributes:
        connections: All open connections.
        draining: Whether it stops.
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
        pending = sum(listener.pending for listener in self._listeners)
        return len(self.connections) + pending < self.settings.max_connections

    def _accept_more(self) -> None:
        """There may be room again: have all listeners look."""
        for listener in self._listeners:
            listener.resume()

    def remember(self, connection: OpenConnection) -> None:
        """A connection was made."""
        self.connections.add(connection)

    def forget(self, connection: OpenConnection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self._accept_more()
        if not self.connections:
            self._deserted.set()

    def count_request(self) -> None:
        """A request was answered."""
        self.handled += 1
        if self.handled == self.settings.max_requests and self._on_enough is not None:
            self._on_enough()

    def expire(self) -> None:
        """Let the connections act whose deadline has passed; call about once a second.

        One look at each connection once a second costs less than a timer for each request.
        """
        # Not at once: while something blocked the loop, the request may have come for which a
        # connection is kept. After two turns of the loop all has been read that is there by now.
        self.loop.call_soon(self.loop.call_soon, self._expire, self.loop.time())

    def _expire(self, now: float) -> None:
        for connection in [c for c in self.connections if c.deadline <= now]:
            self._have(connection, connection.expire)

    def _have(self, connection: OpenConnection, act: Callable[..., Any], *args: Any) -> Any:
        """Have a connection do something; one that fails is broken off and forgotten.

        Returns:
            What ``act`` returned; None if it has failed.
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
        """Stop accepting, let the requests in progress end, then break off.

        Args:
            patience_seconds: How long to wait for requests in progress.

        Returns:
            How many connections had to be broken off although something was due on them.
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
        """Have all connections give up; return those on which something was due."""
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

A client may be sending the next request just now; closing would lose it. It is answered instead,
and told that the connection closes. gunicorn's threaded worker waits as long.
"""

_ABORT_SECONDS: Final = 0.1
"""How long to wait at most for the loop to tell of connections that were aborted."""

_LOOK_SECONDS: Final = 0.25
"""How often a drain looks for connections whose deadline has passed."""
