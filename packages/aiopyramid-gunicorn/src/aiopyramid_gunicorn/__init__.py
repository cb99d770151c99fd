"""A gunicorn worker that serves Pyramid from an asyncio event loop.

The way of a request through the modules, a step each:

``worker``
    gunicorn's side: signals, heartbeat, settings.
``_settings``
    What is said about settings that mean nothing here.
``_server``
    Listeners and connections; the drain at the end.
``protocol``
    The connection, and the only module that touches a transport.
``_parser``, ``_limits``, ``_body``
    Bytes to requests.
``_environ``
    A request's head to a WSGI environ.
``_wsgi``
    One request through the application, in its greenlet.
``_response``, ``_flow``
    The response to bytes, with back-pressure.
``_upgraded``
    A connection that another protocol, such as WebSocket, has taken over.
``_access_log``
    One line in gunicorn's own log.
"""

from .worker import AsyncGunicornWorker

__all__ = ("AsyncGunicornWorker",)
