"""Pyramid on asyncio under uWSGI: ``uwsgi --asyncio 100 --greenlet``.

Include this package (``config.include("aiopyramid_uwsgi")``). The modules in reading order:

``_include``, ``_settings``
    How this package becomes part of an application.
``_exchange``
    One request: which part of it runs in uWSGI's greenlet, and which in the bridge's.
``_body``, ``_scheme``, ``_response``
    The request's body, read where uWSGI can wait for it; checks of the request and the response.
``_upgraded``
    A connection that leaves HTTP, for WebSockets.
``websocket``, ``_native``
    The mapper with the name of aiopyramid 0.x; WebSockets with TLS in the worker.
``_worker``, ``_endless``, ``_listening``
    The event loop, and what must not end it; signals, the start and the end of a worker; when it
    accepts clients.
``_api``
    uWSGI's own module, with types.
``exceptions``
    The exception hierarchy.
"""

from ._include import includeme
from .exceptions import EngineMissing

__all__ = ("EngineMissing", "includeme")
