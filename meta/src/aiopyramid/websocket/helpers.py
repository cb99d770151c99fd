"""The WSGI middleware, where aiopyramid 0.x had it; new code: ``aiopyramid_websocket``."""

from aiopyramid_websocket import ignore_websocket_closed

__all__ = ("ignore_websocket_closed",)
