"""The sending half of a connection in frames: messages, fragments, broadcasts and pings."""

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.protocol import Protocol

from ._base_connection import BaseConnection, Payload
from ._plain_frames import has_plain_frames, plain_frame
from ._pongs import Pongs
from ._reader import Reader
from ._state import OPEN
from ._watch import Watch
from ._writer import Writer
from .broadcast import Broadcast
from .settings import WebSocketSettings

__all__ = ("SendingConnection",)


class SendingConnection(BaseConnection):
    """One WebSocket connection, in frames, as far as data is sent over it.

    Args:
        protocol: The Sans-I/O protocol, in the state OPEN.
        settings, watch, name, on_open, on_abandoned: As for :class:`.BaseConnection`.
    """

    __slots__ = ("_is_plain", "_protocol", "_reader", "_writer")

    _reader: Reader
    _writer: Writer

    def __init__(
        self,
        protocol: Protocol,
        settings: WebSocketSettings,
        watch: Watch,
        *,
        name: str = "no view",
        on_open: Callable[[], object] | None = None,
        on_abandoned: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(settings, watch, name=name, on_open=on_open, on_abandoned=on_abandoned)
        self._protocol = protocol
        self._is_plain = False

    def _open(self) -> None:
        self._is_plain = has_plain_frames(self._protocol)
        super()._open()

    # --- Called for the handler ---------------------------------------------------------------

    async def send(self, message: Payload) -> None:
        """Send a message as soon as there is room.

        The wait is before the message is sent, not after it, so that a cancelled wait sends
        nothing.

        Raises:
            WebSocketClosed: Nothing can be sent any more.
        """
        if self._writer.must_be_waited_for:
            await self._writer.wait_turn()
        self._send_message(message)

    def post(self, message: Payload | Broadcast) -> bool:
        """Send a message if that is possible without waiting.

        Returns:
            Whether the message was sent.
        """
        writer = self._writer
        if self.state is not OPEN or writer.is_full or writer.is_in_message:
            return False
        if type(message) is not Broadcast:
            self._send_message(cast(Payload, message))
        elif (frame := message.frame_for(self._protocol)) is not None:
            writer.write(frame)
        else:
            self.send_frame(message.message)
        return True

    def _send_message(self, message: Payload) -> None:
        """Send a whole message; no other one may be under way in fragments."""
        if not self._is_plain:
            self.send_frame(message)
            return
        if self.state is not OPEN:
            raise self.closed_error()
        if isinstance(message, memoryview):
            message = message.tobytes()  # its items may be longer than a byte
        self._writer.write(plain_frame(message))

    def send_frame(self, data: Payload, *, continues: bool = False, ends: bool = True) -> None:
        """Send a message, or a fragment of one, without waiting.

        Args:
            data: Text or bytes.
            continues: Whether it is a fragment, and not the first one.
            ends: Whether it ends the message.

        Raises:
            WebSocketClosed: Nothing can be sent any more.
        """
        if self.state is not OPEN:
            raise self.closed_error()
        if isinstance(data, memoryview):
            data = data.tobytes()
        payload = data.encode() if isinstance(data, str) else data
        if continues:
            self._protocol.send_continuation(payload, ends)
        elif payload is data:
            self._protocol.send_binary(payload, ends)
        else:
            self._protocol.send_text(payload, ends)
        self._post()

    @property
    def is_slow(self) -> bool:
        """Whether the client must read before more is sent."""
        return self._writer.is_full

    def message_lock(self) -> asyncio.Lock:
        """Return the lock that must be held from the first to the last fragment of a message."""
        return self._writer.message_lock()

    async def wait_room(self) -> None:
        """Wait until there is room for a fragment, or until nothing can be sent any more."""
        await self._writer.wait_room()

    async def ping(self) -> float:
        """Send a ping; return the seconds until its pong.

        Raises:
            WebSocketClosed: The connection is closed, or was closed before the pong arrived.
        """
        await self._writer.wait_room()
        if self.state is not OPEN:
            raise self.closed_error()
        if self._reader.pongs is None:
            self._reader.pongs = Pongs(self._loop)
        payload, pong = self._reader.pongs.expect()
        self._protocol.send_ping(payload)
        self._post()
        try:
            return await pong
        except asyncio.CancelledError:
            self._reader.pongs.forget(payload)
            raise

    # --- Private ------------------------------------------------------------------------------

    def _post(self) -> None:
        self._writer.post(self._protocol.data_to_send())

    def _release_senders(self) -> None:
        self._writer.lose()
