"""The WebSocket mapper that aiopyramid 0.x had for gunicorn."""

from typing import ClassVar

import aiopyramid_websocket
from aiopyramid_websocket import WebSocket

from .._bytes import BytesWebSocket

__all__ = ("WebsocketMapper",)


class WebsocketMapper(aiopyramid_websocket.WebSocketMapper):
    """Make a view a WebSocket endpoint; see :class:`aiopyramid_websocket.WebSocketMapper`.

    Attributes:
        use_bytes: Whether views also get text messages as ``bytes``. Set it on the class, in the
            application's constructor: ``WebsocketMapper.use_bytes = True``.
    """

    use_bytes: ClassVar[bool] = False

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of the object for views."""
        return BytesWebSocket if self.use_bytes else super().websocket_class()
