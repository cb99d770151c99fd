"""The view predicate that tells a WebSocket from a request."""

from typing import Any

from aiopyramid_core.contract import MESSAGES

__all__ = ("WebSocketPredicate",)


class WebSocketPredicate:
    """The view predicate ``asgi_websocket``: whether a request opens a WebSocket.

    Args:
        value: The wanted value.
        info: Pyramid's information about the view, which is not used.
    """

    def __init__(self, value: bool, info: Any) -> None:
        self._value = value

    def text(self) -> str:
        """Return the description for Pyramid's messages."""
        return f"asgi_websocket = {self._value}"

    phash = text

    def __call__(self, context: Any, request: Any) -> bool:
        """Return whether the predicate holds for a request."""
        environ = request.environ
        asks = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        return (MESSAGES in environ or asks) is self._value
