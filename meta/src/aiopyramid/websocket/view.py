"""WebSocket views as classes, where aiopyramid 0.x had them; new code: ``aiopyramid_websocket``."""

from aiopyramid_websocket import WebsocketConnectionView

__all__ = ("WebsocketConnectionView",)
