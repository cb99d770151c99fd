"""The WebSocket mapper that aiopyramid 0.x had for uWSGI."""

from typing import ClassVar

import aiopyramid_websocket
from aiopyramid_websocket import WebSocket

from .._bytes import BytesWebSocket

__all__ = ("UWSGIWebsocketMapper",)


class UWSGIWebsocketMapper(aiopyramid_websocket.WebsocketMapper):
    """Make a view a WebSocket endpoint; see :class:`aiopyramid_websocket.WebsocketMapper`.

    That mapper is for every server by now, and so is this one.

    Attributes:
        use_str: Whether views get text messages as ``str``, and not as ``bytes``. Set it on the
            class, in the application's constructor: ``UWSGIWebsocketMapper.use_str = False``.
    """

    use_str: ClassVar[bool] = True

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of what views get."""
        return super().websocket_class() if self.use_str else BytesWebSocket
