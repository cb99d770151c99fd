"""A gunicorn worker that serves Pyramid from an asyncio event loop.

The modules, in the order in which a request passes through them:

``worker``
    gunicorn's side: signals, heartbeat, settings.
``_settings``, ``_application``
    Warnings about settings that have no effect, and about applications that cannot be served.
``_startup``, ``_starting_workers``
    The start of the application, and another attempt if that fails; which workers are starting.
``_server``, ``_server_settings``, ``_listener``
    Listeners and connections; the drain on shutdown.
``_protocol``, ``_state``, ``_owner``, ``_fence``
    The connection, its states, what it needs from its server, and how a failure is contained.
``_intake``, ``_http1``
    Bytes to requests and their environs; responses to bytes.
``_starts``, ``_exchange``
    When a request begins; one request through the application, in its greenlet.
``_flow``, ``_files``
    Back-pressure; files that the system sends itself (``sendfile``).
``_upgraded``
    A connection that another protocol, such as WebSocket, has taken over.
``_access_log``, ``_hooks``
    One line in gunicorn's own log; gunicorn's hooks for each request.
``exceptions``
    The exception hierarchy.
"""

from .worker import AsyncGunicornWorker

__all__ = ("AsyncGunicornWorker",)
