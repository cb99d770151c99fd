"""What was in the original's ``helpers`` module and concerns WebSockets."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .exceptions import WebsocketClosed

__all__ = ("ignore_websocket_closed",)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def ignore_websocket_closed(application: Application) -> Application:
    """Keep a :class:`WebsocketClosed` that leaves the application from the server's log.

    ::

        return ignore_websocket_closed(config.make_wsgi_app())

    On gunicorn handlers run outside of the WSGI application, so that there is nothing to keep;
    the wrapper does no harm there.

    Args:
        application: A WSGI application.

    Returns:
        A WSGI application whose response is empty where the other raises.
    """

    @functools.wraps(application, updated=())
    def ignoring(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except WebsocketClosed:
            return []

    return ignoring
