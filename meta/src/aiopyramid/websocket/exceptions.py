"""The exception, where aiopyramid 0.x had it; new code: ``aiopyramid_websocket``."""

from aiopyramid_websocket import WebsocketClosed

__all__ = ("WebsocketClosed",)
