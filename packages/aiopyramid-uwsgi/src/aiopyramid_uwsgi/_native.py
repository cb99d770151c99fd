"""WebSockets received with uWSGI's own functions: only for TLS in the worker.

With ``https-socket`` the decrypted bytes of a connection are inside uWSGI, which returns only whole
messages. This module converts them back to frames for the same connection class as everywhere else.
That class frames the messages to be sent, which are written through uWSGI.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from websockets.frames import Frame, Opcode

from aiopyramid_core.contract import UpgradedProtocol
from aiopyramid_core.servers import wait_hosted

from . import _api

__all__ = ("NativeTransport",)

_HIGH_WATER_BYTES: Final = 64 << 10
"""Bytes waiting to be sent above which the protocol is paused; asyncio's own default."""

_LOOK_SECONDS: Final = 1.0
"""How often to ask for messages even if none has arrived: this is when uWSGI sends its pings."""


class NativeTransport(asyncio.Transport):
    """The transport of a protocol whose connection uWSGI reads and writes.

    The protocol calls it on the event loop; :meth:`serve` does the work in uWSGI's greenlet.

    Args:
        protocol: The WebSocket protocol.
    """

    def __init__(self, protocol: UpgradedProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._writing_paused = False
        self._reading_paused = False
        self._closing = False
        self._is_serving = False
        self._lost = False
        self._news: asyncio.Future[None] | None = None

    # --- In uWSGI's greenlet ------------------------------------------------------------------

    def serve(self, write: Callable[[bytes], object]) -> None:
        """Serve the connection to its end; see :class:`._upgraded.TakenOver`."""
        self._is_serving = True
        reason: OSError | None = None
        with _api.duplicate_connection() as connection:
            try:
                self._protocol.connection_made(self)
                while not self._closing or self._outgoing:
                    self._send(write)
                    if not self._receive():
                        self._wait(connection.fileno())
            except OSError as error:
                reason = error  # this is how uWSGI reports that the connection is closed
            finally:
                self._lose(reason)

    def _send(self, write: Callable[[bytes], object]) -> None:
        while self._outgoing:
            data = self._outgoing.pop(0)
            self._outgoing_bytes -= len(data)
            write(data)
        if self._writing_paused:
            self._writing_paused = False
            self._protocol.resume_writing()

    def _receive(self) -> bool:
        """Pass on a message; return whether there was one."""
        if self._closing or self._reading_paused:
            return False
        message = _api.receive_message()
        if message:
            # Masked, as a client sends it; uWSGI does not report whether it was text.
            self._protocol.data_received(Frame(Opcode.BINARY, message).serialize(mask=True))
        return bool(message)

    def _wait(self, descriptor: int) -> None:
        """Wait until there is data to send, or there may be data to receive."""
        if self._closing or self._outgoing:
            return
        self._news = self._loop.create_future()
        timer = self._loop.call_later(_LOOK_SECONDS, self._tell)
        if not self._reading_paused:
            self._loop.add_reader(descriptor, self._tell)
        try:
            wait_hosted(self._news)
        finally:
            self._loop.remove_reader(descriptor)
            timer.cancel()
            self._news = None

    def _lose(self, reason: OSError | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._outgoing.clear()
            self._protocol.connection_lost(reason)

    # --- Called by the worker -----------------------------------------------------------------

    def abandon(self) -> None:
        """Clean up if the connection is not handed over; do nothing if it was."""
        self._lose(None)

    def server_stops(self) -> None:
        """Tell the protocol that the worker stops."""
        if self._is_serving and not self._lost:
            self._protocol.server_stops()

    # --- Called by the protocol ---------------------------------------------------------------

    def write(self, data: Any) -> None:
        """See :meth:`asyncio.WriteTransport.write`."""
        if self._closing:
            return
        self._outgoing.append(bytes(data))
        self._outgoing_bytes += len(data)
        if self._outgoing_bytes > _HIGH_WATER_BYTES and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()
        self._tell()

    def can_write_eof(self) -> bool:
        """See :meth:`asyncio.WriteTransport.can_write_eof`."""
        return False

    def close(self) -> None:
        """See :meth:`asyncio.BaseTransport.close`."""
        self._closing = True
        self._tell()

    def abort(self) -> None:
        """See :meth:`asyncio.WriteTransport.abort`."""
        self._outgoing.clear()
        self.close()

    def is_closing(self) -> bool:
        """See :meth:`asyncio.BaseTransport.is_closing`."""
        return self._closing

    def pause_reading(self) -> None:
        """See :meth:`asyncio.ReadTransport.pause_reading`."""
        self._reading_paused = True

    def resume_reading(self) -> None:
        """See :meth:`asyncio.ReadTransport.resume_reading`."""
        self._reading_paused = False
        self._tell()

    def _tell(self) -> None:
        """Wake uWSGI's greenlet, so that it checks what there is to do."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
