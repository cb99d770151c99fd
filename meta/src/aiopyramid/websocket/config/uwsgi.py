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
        use_bytes: The opposite, with the name that :class:`.gunicorn.WebsocketMapper` has for it.
            Applications set it on the mapper of either server.
    """

    use_str: ClassVar[bool] = True
    use_bytes: ClassVar[bool] = False

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of the object for views."""
        as_bytes = self.use_bytes or not self.use_str
        if as_bytes and not self.native:  # uWSGI's native functions return bytes anyway
            return BytesWebSocket
        return super().websocket_class()
