"""A gunicorn worker that serves Pyramid from an asyncio event loop.

The way of a request through the modules, a step each:

``worker``
    gunicorn's side: signals, heartbeat, settings.
``_settings``, ``_application``
    What is said about settings that mean nothing here, and about what cannot be served.
``_server``, ``_server_settings``, ``_listener``, ``_ending``
    Listeners and connections; the drain at the end, and what must not hold up the end.
``_protocol``, ``_state``, ``_owner``, ``_fence``
    The connection, its states, what it needs of its server, and what becomes of one that fails.
``_intake``, ``_http1``
    Bytes to requests and their environs; responses to bytes.
``_capabilities``
    What the connection can do for the application, by way of the environ.
``_exchange``
    One request through the application, in its greenlet.
``_flow``, ``_files``
    Back-pressure; files, which the system may send by itself.
``_upgraded``
    A connection that another protocol, such as WebSocket, has taken over.
``_access_log``, ``_hooks``
    One line in gunicorn's own log; gunicorn's hooks for each request.
``exceptions``
    What can go wrong, as a tree.
"""

from .worker import AsyncGunicornWorker

__all__ = ("AsyncGunicornWorker",)
