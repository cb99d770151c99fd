"""``config.include("aiopyramid_asgi")``: how this package becomes part of an application."""

from typing import Any

from ._predicates import WebSocketPredicate
from ._settings import SETTINGS
from .application import PyramidASGI, asgi
from .config import add_asgi_app

__all__ = ("includeme",)


def includeme(config: Any) -> None:
    """Add the directives ``make_asgi_app`` and ``add_asgi_app``, and include ``aiopyramid_core``.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.

    Raises:
        ConfigurationError: A setting is invalid.
    """
    config.include("aiopyramid_core")
    SETTINGS.of(config.registry)
    config.add_directive("make_asgi_app", _make_asgi_app, action_wrap=False)
    config.add_view_predicate("asgi_websocket", WebSocketPredicate)
    config.add_directive("add_asgi_app", add_asgi_app)


def _make_asgi_app(config: Any) -> PyramidASGI:
    """Return the application for an ASGI server; commits the configuration."""
    return asgi(config.make_wsgi_app())
