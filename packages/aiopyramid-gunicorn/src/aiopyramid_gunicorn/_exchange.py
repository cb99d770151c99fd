"""One request through the application: what the worker does before, during and after.

Everything here runs in the request's greenlet, on the event loop's thread. The rules between the
application and its response are the core's.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from aiopyramid_core import await_
from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_core.exceptions import ClientDisconnected
from aiopyramid_core.servers import (
    END_OF_BODY,
    Capabilities,
    SynchronousBody,
    kills_greenlet,
    report_failure,
    run_application,
)

from ._access_log import AccessLog
from ._files import FileTransfer, Outlet
from ._flow import WriteFlow
from ._http1.implementation import Response
from ._http1.request import GunicornRequest, Request
from ._http1.response import early_hints, error_response
from ._starts import Starts

__all__ = ("Exchange", "HTTPConnection", "Hooks", "Services")


class HTTPConnection(Protocol):
    """The connection on which a request arrived, as its exchange sees it."""

    flow: WriteFlow
    capabilities: Capabilities

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def may_keep_alive(self) -> bool:
        """Return whether the connection may serve another request at all."""

    def abort(self) -> None:
        """Abort the connection, so that the client sees an incomplete response."""

    def ended(self, exchange: "Exchange") -> None:
        """Continue with the next request; called by an exchange that has ended."""

    def outlet(self) -> Outlet | None:
        """Return an outlet through which the system may send files itself, or None."""


class Hooks(Protocol):
    """gunicorn's server hooks that concern single requests."""

    def before(self, request: GunicornRequest) -> None:
        """Call ``pre_request``."""

    def after(self, request: GunicornRequest, environ: dict[str, Any], response: Response) -> None:
        """Call ``post_request``; must not raise."""


class Services:
    """The objects that the exchanges of a worker share.

    Args:
        application: The WSGI application.
        logger: gunicorn's logger.
        hooks: gunicorn's request hooks, or None if there are none.
        streams_body: Returns whether a request, given its environ, begins before its body is
            complete; None if none does.
        starts: The requests that are about to begin.
    """

    __slots__ = ("access_log", "application", "hooks", "logger", "starts", "streams_body")

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        logger: Any,
        hooks: Hooks | None = None,
        streams_body: Callable[[dict[str, Any]], bool] | None = None,
        starts: Starts | None = None,
    ) -> None:
        self.application = application
        self.logger = logger
        self.hooks = hooks
        self.streams_body = streams_body
        self.starts = starts or Starts()
        self.access_log = AccessLog(logger)


class Exchange:
    """One request and its response; the core's :class:`~aiopyramid_core.servers.Sink`.

    Args:
        connection: Where the response goes.
        request: The complete request.
        services: The objects that the exchanges of a worker share.

    Attributes:
        capabilities: The capabilities that the connection offers the application.
        response: The response, started or not.
    """

    # The first one is for the access log: whether the client had left before its response.
    __slots__ = (
        "_client_left",
        "_connection",
        "_request",
        "_services",
        "capabilities",
        "response",
    )

    def __init__(self, connection: HTTPConnection, request: Request, services: Services) -> None:
        head = request.head
        self._client_left = False
        self._connection = connection
        self._request = request
        self._services = services
        self.capabilities = connection.capabilities
        self.response = Response(head.method, head.version, keep_alive=head.keep_alive)

    def run(self) -> None:
        """Run the application and send its response; raise only what kills the greenlet."""
        services, request = self._services, self._request
        services.starts.count = 0
        environ = request.environ
        access_log = services.access_log
        started = time.perf_counter() if access_log.enabled else 0.0
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None and request.body.is_complete:
            # The chunks are joined already, so the length is known.
            environ["CONTENT_LENGTH"] = str(request.body.length_bytes)
        environ["wsgi.early_hints"] = self._send_early_hints
        hooks = services.hooks
        seen = None if hooks is None else GunicornRequest.of(request.head, environ)
        try:
            request.body.offer(environ)
            if hooks is not None and seen is not None:
                hooks.before(seen)
            run_application(self._services.application, environ, self)
        except BaseException as error:
            self._fail(error)
            if kills_greenlet(error):
                self._connection.abort()
                raise
        finally:
            request.body.close()
            # Breaks the cycle environ -> method -> exchange.
            environ.pop("wsgi.early_hints", None)
            if self.response.code == 101 and self.response.has_switched:
                # The connection's new owner may keep the environ, but must not keep our connection.
                environ.pop(ON_DISCONNECT, None)
                environ.pop(UPGRADE, None)
            if not self.response.head_sent:
                self._client_left = self.capabilities.client_is_gone
            if access_log.enabled:
                seconds = time.perf_counter() - started
                access_log.log(
                    request.head, self.response, environ, seconds, client_left=self._client_left
                )
            if hooks is not None and seen is not None:
                hooks.after(seen, environ, self.response)
            self._connection.ended(self)

    # --- Called by the application ------------------------------------------------------------

    def _send_early_hints(self, fields: Iterable[tuple[str, str]]) -> None:
        """Send early hints (gunicorn's ``wsgi.early_hints``); no effect if it is too late."""
        # Through await_, because the caller may be in an executor thread.
        await_(self._hint_on_loop(early_hints(fields)))

    async def _hint_on_loop(self, data: bytes) -> None:
        # RFC 9110, 15.2: HTTP/1.0 has no interim responses.
        if self._request.head.version == (1, 1) and not self.response.head_sent:
            self._send(data)

    # --- Called by the core -------------------------------------------------------------------

    def send_whole(self, body: bytes) -> None:
        """Send a body that is complete already: in one write, with its length."""
        self._will_send_head()
        self._send(self.response.encode_whole(body))

    def send_file(self, body: Any) -> bool:
        """Have the system send a body if it is a large file; in threads, as it is read otherwise.

        Closing the body waits for such a thread.
        """
        transfer = FileTransfer.of(body)
        outlet = None if transfer is None else self._connection.outlet()
        if transfer is None or outlet is None:
            return False
        parts = SynchronousBody(transfer)
        try:
            self._send_transfer(parts, transfer, outlet)
            self.response.check_end()
            self.end()
        finally:
            await_(parts.close())
        return True

    def _send_transfer(
        self, parts: SynchronousBody, transfer: FileTransfer, outlet: Outlet
    ) -> None:
        response = self.response
        self._send(self._head(transfer.size_bytes))
        if response.needs_body:
            await_(outlet.empty())
            transfer.aim(outlet.descriptor(), response.missing_bytes)
        while response.needs_body:
            sent = parts.next()
            if sent is END_OF_BODY:
                break
            response.count(sent)
            if response.needs_body:
                await_(outlet.writable(transfer.target))

    def write(self, part: bytes) -> None:
        """Send a part of the body, after the head if that was not sent."""
        head = b"" if self.response.head_sent else self._head()
        self._send(head + self.response.encode(part))

    def post(self, part: bytes) -> bool:
        """Send a part of the body if the head was sent and there is room; never wait."""
        flow, response = self._connection.flow, self.response
        if flow.disconnected or flow.full or not (response.head_sent and response.needs_body):
            return False
        self._connection.write(response.encode(part))
        return True

    def end(self) -> None:
        """Send the bytes that mark the end of a body in parts."""
        head = b"" if self.response.head_sent else self._head(0)
        self._send(head + self.response.end())

    # --- Private ------------------------------------------------------------------------------

    def _head(self, body_length: int | None = None) -> bytes:
        self._will_send_head()
        return self.response.head(body_length)

    def _will_send_head(self) -> None:
        """Note what the head and the access log depend on."""
        self._client_left = self.capabilities.client_is_gone
        if not self._connection.may_keep_alive():
            self.response.keep_alive = False

    def _send(self, data: bytes) -> None:
        flow = self._connection.flow
        if flow.disconnected:
            raise ClientDisconnected("the client closed the connection before the response")
        if data:
            self._connection.write(data)
        if flow.full:
            await_(flow.drain())

    def _fail(self, error: BaseException) -> None:
        """Log an error, and answer with it or show the client that its response is incomplete."""
        head = self._request.head
        name = f"{head.method} {head.target}"
        gone = self.capabilities.client_is_gone
        status = report_failure(error, name, self._services.logger, client_is_gone=gone)
        cancelled = isinstance(error, asyncio.CancelledError)
        if kills_greenlet(error):
            return
        if status is not None and not self.response.head_sent:
            self._answer(status)
            return
        self.response.keep_alive = False
        if cancelled or (status is not None and self.response.ends_by_closing):
            self._connection.abort()

    def _answer(self, status: HTTPStatus) -> None:
        self._client_left = self.capabilities.client_is_gone
        self.response, data = error_response(
            status, status.phrase, method=self._request.head.method
        )
        self._connection.write(data)
