"""The WebSocket part of the ``helpers`` module of aiopyramid 0.x."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .exceptions import WebSocketClosed

__all__ = ("ignore_websocket_closed",)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def ignore_websocket_closed(application: Application) -> Application:
    """Keep a :class:`WebSocketClosed` that the application raises out of the server's log.

    ::

        return ignore_websocket_closed(config.make_wsgi_app())

    On gunicorn, handlers run outside the WSGI application, so it has no effect there and does no
    harm.

    Args:
        application: A WSGI application.

    Returns:
        A WSGI application that returns an empty response if the wrapped one raises it.
    """

    @functools.wraps(application, updated=())
    def ignoring(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except WebSocketClosed:
            return []

    return ignoring
