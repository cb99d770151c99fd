"""Text messages as bytes, for code that expects the same type for all messages."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiopyramid_websocket import WebSocket

__all__ = ("BytesWebSocket",)


class BytesWebSocket(WebSocket):
    """A WebSocket that receives only ``bytes``; a text message is received as UTF-8."""

    __slots__ = ()

    def recv(self) -> Coroutine[Any, Any, bytes | None]:
        """Wait for the next message; return None if the connection is closed."""
        return self._receive_bytes()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the messages until the connection is closed."""
        while (message := await self._receive_bytes()) is not None:
            yield message

    async def _receive_bytes(self) -> bytes | None:
        message = await super().recv()
        return message.encode() if isinstance(message, str) else message
