"""The WebSocket mappers, where aiopyramid 0.x had them; new code: ``aiopyramid_websocket``."""

from .gunicorn import WebsocketMapper
from .uwsgi import UWSGIWebsocketMapper

__all__ = ("UWSGIWebsocketMapper", "WebsocketMapper")
