"""The WebSocket mapper that aiopyramid 0.x had for uWSGI."""

from typing import ClassVar

import aiopyramid_uwsgi.websocket
from aiopyramid_websocket import WebSocket

from .._bytes import BytesWebSocket

__all__ = ("UWSGIWebsocketMapper",)


class UWSGIWebsocketMapper(aiopyramid_uwsgi.websocket.UWSGIWebSocketMapper):
    """Make a view a WebSocket endpoint, on uWSGI and on every other server.

    Attributes:
        use_str: Whether views get text messages as ``str``, not as ``bytes``. Set it on the class,
            in the application's constructor: ``UWSGIWebsocketMapper.use_str = False``.
    """

    use_str: ClassVar[bool] = True

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of the object for views."""
        if self.use_str or self.native:  # uWSGI's native functions return bytes anyway
            return super().websocket_class()
        return BytesWebSocket
