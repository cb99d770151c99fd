"""The view mapper that makes a view a WebSocket endpoint.

Pyramid does everything before that: routing or traversal, predicates, permissions. The view itself
checks the handshake and answers with 101; the handler begins when the 101 has been sent.

The request may run on the event loop or in a thread, for example below synchronous middleware. Work
on the connection takes place on the loop, and so does the creation of a view class's instance.
"""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from pyramid.util import object_description

from aiopyramid_core.contract import MESSAGES, UPGRADE
from aiopyramid_core.lifespan import is_installed

from ._acceptance import Accept, Refused, checked, decide
from ._connection import Connection
from ._handlers import handler_maker
from ._handshake import (
    HandshakeRefused,
    accept,
    check_origin,
    check_request,
    choose_subprotocol,
)
from ._message_connection import MessageConnection
from ._on_loop import call_on_loop
from ._session import MakeConnection, Session
from ._watch import watch_of
from .settings import WebSocketSettings, override, settings_of
from .websocket import WebSocket

__all__ = ("WebSocketMapper", "WebsocketMapper")

_log = logging.getLogger("aiopyramid_websocket")


class WebSocketMapper:
    """Make a view a WebSocket endpoint: ``@view_config(mapper=WebSocketMapper)``.

    The view is a coroutine function of ``(ws)``, ``(request, ws)`` or ``(context, request, ws)``,
    a generator function that delegates with ``yield from``, or a class such as
    :class:`~aiopyramid_websocket.WebSocketConnectionView`. ``ws`` is a
    :class:`~aiopyramid_websocket.WebSocket`.

    An HTTP exception raised when a view class is instantiated answers the request over HTTP.

    Raises:
        ConfigurationError: On configuration, when the view is not a coroutine.
    """

    options: ClassVar[Mapping[str, Any]] = {}

    runs_on_loop: ClassVar[bool] = True
    """Tells ``aiopyramid_core`` that requests for the view run on the event loop."""

    accept: ClassVar[Accept | None] = None
    """Decides about a handshake before it is answered; see :meth:`configure`."""

    def __init__(self, **view_options: Any) -> None:
        self._attr: str | None = view_options.get("attr")

    @classmethod
    def configure(cls, *, accept: Accept | None = None, **options: Any) -> type["WebSocketMapper"]:
        """Return a mapper with its own options, instead of the application's settings.

        ::

            @view_config(mapper=WebSocketMapper.configure(max_size=4096, compression=None))

        Args:
            accept: A coroutine function of ``(request)``, called before the handshake is answered,
                after all checks but that of ``max_connections``. To accept, it returns None, or
                the name of a subprotocol that the client offers; the header fields of
                ``request.response`` become those of the 101. To refuse, it returns a response, or
                raises an HTTP exception.
            **options: See :class:`~aiopyramid_websocket.settings.WebSocketSettings`.

        Raises:
            ConfigurationError: There is no such option, or its value is invalid.
        """
        override(options)  # now, so that the traceback shows the place of the mistake
        changes: dict[str, Any] = {"options": {**cls.options, **options}}
        if accept is not None:
            changes["accept"] = staticmethod(checked(accept))
        return type(cls.__name__, (cls,), changes)

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of the object for handlers: :class:`~aiopyramid_websocket.WebSocket`.

        Override this in a mapper whose handlers should get something else; it is called once for
        each connection.
        """
        return WebSocket

    def __call__(self, view: Any) -> Callable[[Any, Any], Any]:
        """Map ``view`` to a function of context and request."""
        make_handler = handler_maker(view, self._attr)
        name = object_description(view)
        overrides = override(self.options)
        accepts = type(self).accept

        def websocket_view(context: Any, request: Any) -> Any:
            if UPGRADE not in request.environ and MESSAGES not in request.environ:
                return answer(context, request)  # in this thread, because there may be no loop
            return call_on_loop(answer, context, request)

        def answer(context: Any, request: Any) -> Any:
            settings = settings_of(request.registry)
            if overrides:
                settings = dataclasses.replace(settings, **overrides)
            try:
                _check(request, settings)
                fields: list[tuple[str, str]] = []
                if accepts is not None:
                    settings, fields = decide(accepts, request, settings)
                _check_room(request, settings)
                make_connection, headers = _negotiate(request.environ, settings)
            except HandshakeRefused as refused:
                return _refusal(refused)
            except Refused as refused:
                return refused.response
            session = Session(name, request, context, self.websocket_class(), make_connection)
            _take_place(request, session.connection)
            session.handler = make_handler(context, request)
            # Only after the tweens have processed the response.
            request.add_response_callback(session.upgrade_if_switching)
            return Response(status="101 Switching Protocols", headerlist=headers + fields)

        return websocket_view


WebsocketMapper = WebSocketMapper  # the spelling of aiopyramid 0.x


def _negotiate(
    environ: Mapping[str, Any], settings: WebSocketSettings
) -> tuple[MakeConnection, list[tuple[str, str]]]:
    """Return what makes the connection, and the header fields of the 101.

    Raises:
        HandshakeRefused: The client's offer is malformed.
    """
    if MESSAGES not in environ:
        protocol, headers = accept(environ, settings)
        return partial(Connection, protocol, settings), headers
    subprotocol = choose_subprotocol(environ, settings)
    fields = [] if subprotocol is None else [("Sec-WebSocket-Protocol", subprotocol)]
    return partial(MessageConnection, subprotocol, settings), fields


def _check(request: Any, settings: WebSocketSettings) -> None:
    """Check everything that can be checked before the negotiation.

    Raises:
        HandshakeRefused: The request is not answered with 101.
    """
    environ = request.environ
    if not is_installed(request.registry):
        raise ConfigurationError(
            "A WebSocket view needs config.include('aiopyramid_websocket'), or"
            " config.include('aiopyramid_core') at least"
        )
    if MESSAGES in environ:
        _check_origin(request, settings)
        return
    check_request(environ)
    # Only now, because ASGI servers can serve WebSockets, and offer nothing for other requests.
    if UPGRADE not in environ:
        _log.error(
            "%s is a WebSocket, but this server cannot serve it: run the application with gunicorn"
            " and the worker class aiopyramid_gunicorn.worker.AsyncGunicornWorker (install"
            " aiopyramid-gunicorn), or with uWSGI and config.include('aiopyramid_uwsgi') (install"
            " aiopyramid-uwsgi), or with an ASGI server on which WebSockets are not switched off"
            " (install aiopyramid-asgi)",
            request.path,
        )
        raise HandshakeRefused(
            HTTPStatus.NOT_IMPLEMENTED, "this server cannot serve WebSockets; its log says why"
        )
    if environ[UPGRADE] is None:
        # The length does not show it: the server has joined the chunks, and they were empty.
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, "an opening handshake must not have a body")
    _check_origin(request, settings)


def _check_origin(request: Any, settings: WebSocketSettings) -> None:
    """Check where the client comes from.

    Raises:
        HandshakeRefused: The request is not answered with 101.
    """
    try:
        check_origin(request.environ, settings)
    except HandshakeRefused as refused:
        _log.warning("%s: %s", request.path, refused.detail)
        raise


def _check_room(request: Any, settings: WebSocketSettings) -> None:
    """Check that there is room for another connection.

    Raises:
        HandshakeRefused: There is not.
    """
    limit = settings.max_connections
    if limit is not None and len(watch_of(request.registry)) >= limit:
        _log.warning(
            "%s: all %d connections are taken (aiopyramid.websocket.max_connections)",
            request.path,
            limit,
        )
        raise HandshakeRefused(HTTPStatus.SERVICE_UNAVAILABLE, "too many open connections")


def _take_place(request: Any, connection: Connection | MessageConnection) -> None:
    """Count the connection from now on, since others may run before it is open."""
    watch = watch_of(request.registry)
    watch.expect(connection)

    def leave_place(_request: Any) -> None:
        call_on_loop(watch.expected.discard, connection)

    # Called whatever happens to the request.
    request.add_finished_callback(leave_place)


def _refusal(refused: HandshakeRefused) -> Response:
    """Return the response, not an exception: an exception view could turn it into a redirect."""
    status = refused.status
    response = Response(
        f"{refused.detail}\n",
        status=f"{status.value} {status.phrase}",
        content_type="text/plain",
        charset="utf-8",
    )
    response.headers.extend(refused.headers)
    return response
