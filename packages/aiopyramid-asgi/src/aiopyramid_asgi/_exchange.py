"""One HTTP request and its response: ASGI on one side, a WSGI application on the other.

The application runs in a greenlet of the bridge, in the server's Task. The rules between the
application and its response are the core's.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_core.exceptions import ClientDisconnected
from aiopyramid_core.response_head import has_body, has_length
from aiopyramid_core.servers import (
    LiveBody,
    RequestBody,
    SynchronousBody,
    WSGIResponse,
    kills_greenlet,
    plain_text,
    report_failure,
    run_application,
)

from ._body import has_no_body, receive_body
from ._disconnects import Disconnects
from ._environ import build_environ
from ._head import SEND_PATH, head_of, path_to_send
from ._live import begin_live_body
from ._settings import ASGISettings
from ._stopping import Stopping
from ._types import Message, Receive, Scope, Send

__all__ = ("Exchange", "Services")

_log = logging.getLogger("aiopyramid_asgi")

_BODY: Final = "http.response.body"
_FAILURES: Final = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
"""The statuses of requests that were not refused."""

_MOST_AT_ONCE_BYTES: Final = 64 << 10
"""How much of a body is sent before other tasks get a turn.

To a client that has gone, some servers send without ever waiting.
"""


_making: Final = threading.Lock()
"""Held while the capabilities of a request are made, which few requests ask for."""


class Services:
    """The objects that the exchanges of one application share.

    Args:
        application: The WSGI application, which decides where its requests run.
        settings: The limits of requests.
        stopping: Ends long responses when the server stops.
        streams_body: Returns whether a request, given its environ, begins before its body is
            complete; None if none does.
    """

    __slots__ = ("application", "settings", "stopping", "streams_body")

    def __init__(
        self,
        application: Callable[[dict[str, Any], Any], Iterable[bytes]],
        settings: ASGISettings,
        stopping: Stopping,
        streams_body: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        self.application = application
        self.settings = settings
        self.stopping = stopping
        self.streams_body = streams_body


class Exchange:
    """One request and its response; the core's :class:`~aiopyramid_core.servers.Sink`.

    Args:
        services: The objects that the exchanges of one application share.
        scope: The request.
        receive: Waits for the next event from the client.
        send: Sends an event to the client.

    Attributes:
        capabilities: The capabilities that the connection offers the application.
        response: The response, started or not.
    """

    __slots__ = (
        "_body",
        "_disconnects",
        "_has_answered",
        "_is_stoppable",
        "_receive",
        "_scope",
        "_send",
        "_services",
        "_task",
        "_unyielded_bytes",
        "_was_stopped",
        "_whole",
        "response",
    )

    _task: "asyncio.Task[object]"

    def __init__(self, services: Services, scope: Scope, receive: Receive, send: Send) -> None:
        self._services = services
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body: RequestBody | LiveBody | None = None
        self._disconnects: Disconnects | None = None
        self._has_answered = False
        self._whole: bytes | None = None
        self._is_stoppable = False
        self._was_stopped = False
        self._unyielded_bytes = 0
        self.response = WSGIResponse(scope["method"])

    async def run(self, task: "asyncio.Task[Any] | None" = None) -> None:
        """Handle the request; raise only cancellations that are not our own.

        Args:
            task: The running Task, if the caller knows it.
        """
        if task is None:
            task = asyncio.current_task()
            assert task is not None  # see the caller
        self._task = task
        environ: dict[str, Any] = {}
        try:
            services = self._services
            settings = services.settings
            environ = build_environ(
                self._scope, settings.trusted_proxies, multiprocess=settings.multiprocess
            )
            environ[ON_DISCONNECT] = self._on_disconnect
            if has_no_body(environ):
                environ["wsgi.input"] = BytesIO()
            elif services.streams_body is not None and services.streams_body(environ):
                self._body = begin_live_body(environ, self._receive, settings, self.capabilities)
            else:
                self._body = await receive_body(environ, self._receive, settings)
            await spawn_greenlet(run_application, services.application, environ, self)
            if (whole := self._whole) is not None:
                self._whole = None
                await self._send_last(whole)
        except BaseException as error:
            await self._fail(error)
        finally:
            self._end(environ)

    # --- Called by the core and the application, in the greenlet ------------------------------

    @property
    def capabilities(self) -> Disconnects:
        """The capabilities of the request, made when they are first asked for."""
        if (disconnects := self._disconnects) is None:
            with _making:  # the thread of a synchronous request may ask at the same time
                if (disconnects := self._disconnects) is None:
                    self._disconnects = disconnects = Disconnects(self._receive, self._task)
                    # Only now, since the response may end at this moment: then the loop's thread
                    # ends the capabilities if it sees them, and this one otherwise.
                    if self._has_answered:
                        disconnects.end()
        return disconnects

    def _on_disconnect(self, callback: Callable[[], object]) -> None:
        self.capabilities.on_disconnect(callback)

    def send_whole(self, body: bytes) -> None:
        """Keep a body that is complete already, which is then sent without another switch."""
        response = self.response
        response.commit()
        if response.length is None and has_length(self._scope["method"], response.code):
            response.headers.append(("Content-Length", str(len(body))))
            if has_body(self._scope["method"], response.code):
                response.set_length(len(body))
        # The head is not sent yet, but cannot change either.
        self._whole = response.take(body)

    def send_file(self, body: Any) -> bool:
        """Have the server send a large file, if it can and all of the file is wanted."""
        response = self.response
        found = path_to_send(body, response, self._scope)
        if found is None:
            return False
        path, size_bytes = found
        file = SynchronousBody(body)
        try:
            response.commit()
            if response.length is None:
                response.headers.append(("Content-Length", str(size_bytes)))
            response.set_length(size_bytes)
            response.count(size_bytes)
            await_(self._send_path(path))
        finally:
            await_(file.close())
        return True

    def write(self, part: bytes) -> None:
        """Send a part of the body, after the head if that was not sent."""
        await_(self._send_part(part))

    def end(self) -> None:
        """Send the end of a body in parts."""
        await_(self._send_end())

    # --- Private ------------------------------------------------------------------------------

    async def _send_part(self, part: bytes) -> None:
        if self._client_is_gone():
            raise _gone()
        if not self.response.head_sent:
            await self._begin_parts()
        if part := self.response.take(part):
            await self._transmit({"type": _BODY, "body": part, "more_body": True})
            self._unyielded_bytes += len(part)
            if self._unyielded_bytes >= _MOST_AT_ONCE_BYTES:
                self._unyielded_bytes = 0
                await asyncio.sleep(0)

    async def _begin_parts(self) -> None:
        """Send the head of a response in parts, during which the client or the server may go."""
        self.response.commit()
        self.capabilities.watch()
        # One of the core's ends by itself, or is not to.
        is_to_be_cut = self.response.ends_on_stop is None and any(
            name.lower() == "content-type" and value.lower().startswith("text/event-stream")
            for name, value in self.response.headers
        )
        self._is_stoppable = True
        self._services.stopping.add(self._stop, at_once=is_to_be_cut)
        await self._transmit(head_of(self.response, self._scope))

    def _stop(self) -> None:
        self._was_stopped = True
        self.capabilities.counting(self._task.cancel)

    async def _send_end(self) -> None:
        if self.response.head_sent:
            self._stop_listening()
            await self._transmit({"type": _BODY, "body": b"", "more_body": False})
        else:
            self.response.commit()
            if self.response.length is None and has_length(
                self._scope["method"], self.response.code
            ):
                self.response.headers.append(("Content-Length", "0"))
            await self._send_last(b"")

    def _client_is_gone(self) -> bool:
        return self._disconnects is not None and self._disconnects.client_is_gone

    def _stop_listening(self) -> None:
        """For servers, the end of a response is a disconnect, too."""
        self._has_answered = True
        if self._disconnects is not None:
            self._disconnects.end()

    async def _send_path(self, path: str) -> None:
        self._stop_listening()
        await self._transmit(head_of(self.response, self._scope))
        await self._transmit({"type": SEND_PATH, "path": path})

    async def _send_last(self, body: bytes) -> None:
        """Send the head and all of the body."""
        self._stop_listening()
        send = self._send
        try:
            await send(head_of(self.response, self._scope))
            await send({"type": _BODY, "body": body, "more_body": False})
        except OSError as error:  # ASGI 2.4: the client has gone
            raise _gone() from error

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError as error:  # as above
            raise _gone() from error

    # --- The end ------------------------------------------------------------------------------

    async def _fail(self, error: BaseException) -> None:
        """Log an error, and answer with it or leave the response incomplete.

        A server closes the connection of an incomplete response, which shows the client that it is.
        """
        is_foreign = isinstance(error, asyncio.CancelledError) and not self._take_back()
        gone = self._client_is_gone()
        was_stopped = self._was_stopped and isinstance(error, asyncio.CancelledError)
        status = None
        if not was_stopped:
            name = f"{self._scope['method']} {self._scope['path']}"
            status = report_failure(error, name, _log, client_is_gone=gone)
        try:
            if status is not None and not (self.response.head_sent and self._whole is None):
                await self._answer(status)
            elif was_stopped and self.response.length is None:
                await self._send_end()  # an event stream may end anywhere
        except Exception as failure:
            _log.debug("The client cannot be answered: %s", failure)
        if is_foreign or kills_greenlet(error):
            raise error

    def _take_back(self) -> bool:
        """Take back our own cancellations of the server's Task; return whether all were ours."""
        disconnects = self._disconnects
        while disconnects is not None and disconnects.cancellations:
            disconnects.cancellations -= 1
            self._task.uncancel()
        return not self._task.cancelling()

    async def _answer(self, status: HTTPStatus) -> None:
        self._stop_listening()
        line, fields, body = plain_text(status)
        self.response = response = WSGIResponse(self._scope["method"])
        response.start(line, fields)
        response.commit()
        # After a refusal nothing of the connection is read, where a request might hide in a body.
        response.asks_to_close = status not in _FAILURES
        await self._send_last(response.take(body))

    def _end(self, environ: dict[str, Any]) -> None:
        self._stop_listening()
        if self._is_stoppable:
            self._services.stopping.discard(self._stop)
        if self._disconnects is not None:
            self._take_back()
        # Breaks the cycle environ -> capabilities -> environ.
        environ.pop(ON_DISCONNECT, None)
        environ.pop(UPGRADE, None)
        if self._body is not None:
            self._body.close()


def _gone() -> ClientDisconnected:
    return ClientDisconnected("the client closed the connection before the response's end")
