"""Accepting connections from a listening socket that other processes share.

This does not use ``loop.create_server``, because that cannot pause: connections beyond
``worker_connections`` could not wait in the kernel's backlog, where another worker may accept them.
On asyncio's own loop it also accepts the whole backlog at once.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ("Listener",)

_BURST: Final = 64
"""Connections that are accepted before other events get a turn, if those take little time."""

_LONGEST_BURST_SECONDS: Final = 0.1
"""The longest CPU time for which connections are accepted before other events get a turn.

New connections get as much of it as everything else had since the last burst, up to this limit,
which is for servers that have been idle for long. With 64 at a time, the last of 2,000 clients that
come together would wait until those before it have sent several requests each, because each burst
waits for a request of every connection that is there already.
"""

_LAST_BURSTS: Final = 32
"""Maximum number of bursts when the listener stops: gunicorn's default backlog of 2048."""

_PAUSE_SECONDS: Final = 1.0
"""How long to wait before accepting again after the system has refused it.

The usual reason is that it has run out of descriptors or memory. Trying again at once would keep
the loop busy with nothing else.
"""


class Listener:
    """Accepts connections while there is room for them.

    Args:
        sock: A listening, non-blocking socket; closed when the listener stops.
        make_protocol: Called for each connection.
        has_room: Returns whether another connection may be accepted.
        on_settled: Called when a connection is no longer among the ``welcomes``, which may make
            room.
        loop: The event loop.
        logger: gunicorn's logger.
        tls: Context for encrypted connections, or None.
        handshake_seconds: Time for a client to begin an encrypted connection.

    Attributes:
        is_listening: Whether it accepts connections now.
        welcomes: The accepted connections that do not have a protocol yet, or only just: their
            tasks.
    """

    def __init__(
        self,
        sock: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        has_room: Callable[[], bool],
        on_settled: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
        logger: Any,
        tls: ssl.SSLContext | None = None,
        handshake_seconds: float = 60.0,
    ) -> None:
        self._sock = sock
        self._make_protocol = make_protocol
        self._has_room = has_room
        self._on_settled = on_settled
        self._loop = loop
        self._logger = logger
        # asyncio refuses a handshake timeout for a connection without TLS.
        self._tls: dict[str, Any] = {}
        if tls is not None:
            self._tls = {"ssl": tls, "ssl_handshake_timeout": handshake_seconds}
        self.is_listening = False
        self._stopped = False
        self._burst_ended = time.process_time()
        self.welcomes: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Accept connections, unless stopped; has no effect if it already does."""
        if not self.is_listening and not self._stopped:
            self.is_listening = True
            self._loop.add_reader(self._sock, self._accept)

    def stop(self) -> None:
        """Accept the connections that are in the backlog now, and then no more.

        If no other process has the socket, further clients are refused from here on. With
        ``reuse_port`` no other process has it, and the kernel resets what is left in the backlog.
        """
        if self._stopped:
            return
        for _ in range(_LAST_BURSTS):
            if not (self.is_listening and self._accept()):
                break
        self._stopped = True
        self._pause()
        self._sock.close()

    async def settle(self, seconds: float) -> None:
        """Wait at most ``seconds`` until all accepted connections have a protocol."""
        if self.welcomes:
            await asyncio.wait(self.welcomes.copy(), timeout=seconds)

    def _pause(self) -> None:
        if self.is_listening:
            self.is_listening = False
            self._loop.remove_reader(self._sock)

    def _accept(self) -> bool:
        """Accept some connections; return whether there may be more of them."""
        begin = time.process_time()
        end = begin + min(begin - self._burst_ended, _LONGEST_BURST_SECONDS)
        count = 0
        there_may_be_more = True
        while there_may_be_more and (count < _BURST or time.process_time() < end):
            count += 1
            there_may_be_more = self._accept_one()
        self._burst_ended = time.process_time()
        return there_may_be_more

    def _accept_one(self) -> bool:
        """Accept a connection; return whether there may be another one."""
        if not self._has_room():
            self._pause()
            return False
        try:
            client, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False  # another worker was faster, or the client has gone
        except OSError as error:
            self._logger.error("Cannot accept connections for now: %s", error)
            self._pause()
            self._loop.call_later(_PAUSE_SECONDS, self.resume)
            return False
        client.setblocking(False)
        task = self._loop.create_task(self._welcome(client))
        self.welcomes.add(task)
        task.add_done_callback(self._settled)
        return True

    def _settled(self, welcome: "asyncio.Task[None]") -> None:
        self.welcomes.discard(welcome)
        self._on_settled()

    async def _welcome(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, client, **self._tls)
        except (OSError, ssl.SSLError) as error:
            # Usually a failed handshake, which is not worth more than a debug message.
            self._logger.debug("A connection was lost before it began: %s", error)
            client.close()
        except Exception:
            self._logger.exception("Cannot set up an accepted connection; it is closed")
            client.close()
