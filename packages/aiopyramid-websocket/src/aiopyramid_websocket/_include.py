"""``config.include("aiopyramid_websocket")``: how this package becomes part of an application."""

from typing import Any

from .config import add_websocket_view
from .settings import settings_of

__all__ = ("includeme",)


def includeme(config: Any) -> None:
    """Give the application WebSocket views.

    Includes ``aiopyramid_core``, reads the settings ``aiopyramid.websocket.*`` and adds
    ``config.add_websocket_view``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A setting is invalid; see
            :class:`~aiopyramid_websocket.settings.WebSocketSettings`.
    """
    config.include("aiopyramid_core")
    settings_of(config.registry)  # now, not when the first connection opens
    config.add_directive("add_websocket_view", add_websocket_view)
