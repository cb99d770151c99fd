"""Pyramid applications on any ASGI server: ``uvicorn myapp:application``.

``README.md`` is the introduction; the modules in reading order:

``application``
    :func:`asgi`: the calls of an ASGI server, the start and the end.
``_exchange``, ``_disconnects``
    One request through the application; how it learns that its client has gone.
``_head``
    The head of a response, and files that the server sends itself.
``_websocket``, ``_channel``
    One WebSocket, in whole messages.
``_environ``, ``_body``, ``_live``
    A request, as WSGI describes it; its body, which is complete before the application starts, or
    is read by it while it arrives.
``config``, ``_mounted``, ``_predicates``
    ASGI applications below a route of Pyramid: ``config.add_asgi_app``.
``_stopping``
    The end of long responses when the server stops.
``_settings``, ``_include``
    How this package becomes part of an application.
``runners``
    The servers for ``pserve``.
``_types``, ``exceptions``
    The types of ASGI; the exception hierarchy.
"""

from ._include import includeme
from .application import PyramidASGI, asgi
from .exceptions import (
    ClientGone,
    ExpectationFailed,
    IncompleteResponse,
    InvalidEvent,
    MountedStartupFailed,
    ScopeNotSupported,
)

__all__ = (
    "ClientGone",
    "ExpectationFailed",
    "IncompleteResponse",
    "InvalidEvent",
    "MountedStartupFailed",
    "PyramidASGI",
    "ScopeNotSupported",
    "asgi",
    "includeme",
)
