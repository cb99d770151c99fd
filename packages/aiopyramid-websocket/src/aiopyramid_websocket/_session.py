"""The life of a handler: from the open connection to the end of the request's callbacks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from websockets.frames import CloseCode

from aiopyramid_core import observing, spawn_greenlet
from aiopyramid_core.contract import MESSAGES, ON_HANDLER_END, UPGRADE
from aiopyramid_core.lifespan import lifespan_of

from ._connection import Connection
from ._message_connection import MessageConnection
from ._observed import observed
from ._on_loop import call_on_loop
from ._state import OPEN
from ._watch import watch_of
from .exceptions import WebSocketClosed
from .websocket import WebSocket

__all__ = ("Handler", "MakeConnection", "Session")

_log = logging.getLogger("aiopyramid_websocket")

Handler = Callable[[WebSocket], Awaitable[object]]
"""Handles a connection until it returns."""

MakeConnection = Callable[..., Connection | MessageConnection]
"""Makes a connection, with the keyword arguments of both classes."""


class Session:
    """Runs the handler of a connection, in a Task of its own and the context of its request.

    It must be created in the request, because the handler sees the context variables and Pyramid's
    thread-locals of that moment.

    Args:
        name: The name of the handler in the log.
        request: The request.
        context: The request's context.
        websocket_class: The class of the object for the handler.
        make_connection: Makes the connection.

    Attributes:
        connection: The connection, for the server to open.
        handler: The handler to run; to be set.
    """

    __slots__ = (
        "_callbacks",
        "_context",
        "_lifespan",
        "_name",
        "_patience",
        "_request",
        "_task",
        "_variables",
        "_websocket_class",
        "connection",
        "handler",
    )

    handler: Handler

    def __init__(
        self,
        name: str,
        request: Any,
        context: Any,
        websocket_class: type[WebSocket],
        make_connection: MakeConnection,
    ) -> None:
        self._name = name
        self._request = request
        self._context = context
        self._websocket_class = websocket_class
        self._variables = copy_context()
        self._callbacks: list[Any] = []
        self._lifespan = lifespan_of(request.registry)
        self._task: asyncio.Task[Any] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.connection = make_connection(
            watch=watch_of(request.registry),
            name=name,
            on_open=self.start,
            on_abandoned=self.abandon,
        )

    def upgrade_if_switching(self, request: Any, response: Any) -> None:
        """Ask the server for the connection; a response callback of the request.

        Response callbacks are called with the response after the tweens have processed it, and
        just before the finished callbacks, which are kept for the end of the handler.
        """
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            environ = request.environ
            take_over = environ[MESSAGES] if MESSAGES in environ else environ[UPGRADE]
            call_on_loop(take_over, self.connection)
            self._callbacks.extend(request.finished_callbacks)
            request.finished_callbacks.clear()

    def start(self) -> None:
        """Start the handler: the connection is open."""
        self.connection.on_lost = self._begin_patience
        self._spawn(self._run(), in_greenlets=self._uses_bridge)

    def abandon(self) -> None:
        """End the request without its handler: the connection was never opened."""
        self._spawn(self._end_without_handler(), in_greenlets=True)

    def _spawn(self, coroutine: Coroutine[Any, Any, None], *, in_greenlets: bool) -> None:
        self._variables.run(
            self._lifespan.spawn,
            coroutine,
            name=self._name,
            serves_client=True,
            in_greenlets=in_greenlets,
        )

    @property
    def _uses_bridge(self) -> bool:
        return self.connection.settings.bridge

    async def _run(self) -> None:
        connection = self.connection
        self._task = asyncio.current_task()
        self._restore_request()
        try:
            observer = observing.current_observer()
            if observer is None:
                await self._handle(connection)
            else:
                with observed(observer, connection, self._name, self._request) as counting:
                    await self._handle(counting)
        except asyncio.CancelledError:
            if self._lifespan.is_stopping:
                connection.close_for_restart()
            elif connection.state is OPEN:
                self._fail()  # it was cancelled, or something for which it waited was
            raise
        except BaseException as error:
            # An exception that ends one handler, even SystemExit, must not end anything else.
            if connection.state is OPEN or not _is_end_of_connection(error):
                self._fail()
        finally:
            connection.on_lost = None
            self._end_patience()
            connection.start_close()
            if self._uses_bridge:
                self._finish_request()
            else:  # the callbacks may wait even if the handler's code may not
                await spawn_greenlet(self._finish_request)

    def _handle(self, connection: Connection | MessageConnection) -> Awaitable[object]:
        return self.handler(self._websocket_class(connection, self._context, self._request))

    def _fail(self) -> None:
        _log.exception("The WebSocket handler %s has failed", self._name)
        self.connection.start_close(CloseCode.INTERNAL_ERROR, "internal error")

    # --- When the client has gone -------------------------------------------------------------

    def _begin_patience(self) -> None:
        """Give the handler a limited time to notice that its client has gone."""
        seconds = self.connection.settings.handler_timeout_seconds
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(seconds, self._lose_patience, seconds)

    def _lose_patience(self, seconds: float) -> None:
        connection = self.connection
        if connection.is_used:
            connection.is_used = False
            self._begin_patience()
            return
        _log.warning(
            "The WebSocket handler %s is cancelled: it is still running after its client has gone,"
            " and has not read or written for %g seconds (aiopyramid.websocket.handler_timeout)",
            self._name,
            seconds,
        )
        if self._task is not None:
            self._task.cancel()

    def _end_patience(self) -> None:
        self._task = None
        if self._patience is not None:
            self._patience.cancel()

    # --- At the end of the request ------------------------------------------------------------

    async def _end_without_handler(self) -> None:
        self._restore_request()
        self._finish_request()

    def _restore_request(self) -> None:
        """Restore what the router has removed from the request after the 101."""
        self._request.context = self._context
        self._request.finished_callbacks.extend(self._callbacks)

    def _finish_request(self) -> None:
        """Call the finished callbacks, including those that the handler has added."""
        request = self._request
        while request.finished_callbacks:
            try:
                request._process_finished_callbacks()
            except BaseException:
                _log.exception("A finished callback of %s has failed", self._name)
        request.__dict__.pop("context", None)  # as Pyramid does, against a reference cycle
        if (on_end := request.environ.get(ON_HANDLER_END)) is not None:
            on_end()


def _is_end_of_connection(error: BaseException) -> bool:
    """Return whether only the end of a connection was raised, even if in a task group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(WebSocketClosed)[1] is None
    return isinstance(error, WebSocketClosed)
