"""A gunicorn worker that serves Pyramid from an asyncio event loop.

The modules, in the order in which a request passes through them:

``worker``
    gunicorn's side: signals, heartbeat, settings.
``_settings``, ``_application``
    Warnings about settings that have no effect, and about applications that cannot be served.
``_server``, ``_server_settings``, ``_listener``
    Listeners and connections; the drain on shutdown.
``_starting``, ``_ending``
    The workers that replace others in a reload; bounds on what may delay the shutdown.
``_protocol``, ``_state``, ``_owner``, ``_fence``
    The connection, its states, what it needs from its server, and how a failure is contained.
``_intake``, ``_http1``
    Bytes to requests and their environs; responses to bytes.
``_capabilities``
    What the connection offers the application through the environ.
``_exchange``
    One request through the application, in its greenlet.
``_flow``, ``_files``
    Back-pressure; files, which the system may send itself (``sendfile``).
``_upgraded``
    A connection that another protocol, such as WebSocket, has taken over.
``_access_log``, ``_hooks``
    One line in gunicorn's own log; gunicorn's hooks for each request.
``exceptions``
    The exception hierarchy.
"""

from .worker import AsyncGunicornWorker

__all__ = ("AsyncGunicornWorker",)
