"""One request through the application: PEP 3333 from the ``environ`` to the client.

Everything here runs in the request's greenlet, on the event loop's thread. The application's
coroutines suspend that greenlet; code that may block runs in threads.
"""

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiopyramid_core import await_
from aiopyramid_core._bodies import END_OF_BODY, SynchronousBody
from aiopyramid_core.contract import ON_DISCONNECT, UPGRADE
from aiopyramid_core.exceptions import ApplicationError, ClientDisconnected, RequestError
from aiopyramid_core.response_head import ExcInfo
from aiopyramid_core.servers import kills_greenlet

from ._access_log import AccessLog
from ._capabilities import Capabilities
from ._files import FileTransfer, FileWrapper, Outlet
from ._flow import WriteFlow
from ._http1.request import GunicornRequest, Request
from ._http1.response import Response, early_hints, error_response

__all__ = ("Exchange", "HTTPConnection", "Hooks", "Services")

_MOST_IN_A_ROW: Final = 128
"""How many parts of a body are sent before other tasks get a turn: some milliseconds."""


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
        """Go on to the next request; called by an exchange that has ended."""

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
    """

    __slots__ = ("access_log", "application", "hooks", "logger")

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        logger: Any,
        hooks: Hooks | None = None,
    ) -> None:
        self.application = application
        self.logger = logger
        self.hooks = hooks
        self.access_log = AccessLog(logger)


class Exchange:
    """One request and its response.

    Args:
        connection: Where the response goes.
        request: The complete request.
        services: The objects that the exchanges of a worker share.

    Attributes:
        response: The response, started or not.
    """

    __slots__ = (
        "_client_left",
        "_connection",
        "_parts_in_a_row",
        "_request",
        "_services",
        "response",
    )

    def __init__(self, connection: HTTPConnection, request: Request, services: Services) -> None:
        head = request.head
        self._client_left = False
        self._connection = connection
        self._parts_in_a_row = 0
        self._request = request
        self._services = services
        self.response = Response(head.method, head.version, keep_alive=head.keep_alive)

    def run(self) -> None:
        """Run the application and send its response; raise only what kills the greenlet."""
        request = self._request
        environ = request.environ
        started = time.perf_counter()
        if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None:
            # The chunks are joined already, so the length is known.
            environ["CONTENT_LENGTH"] = str(request.body.length_bytes)
        environ["wsgi.early_hints"] = self._send_early_hints
        hooks = self._services.hooks
        seen = None if hooks is None else GunicornRequest.of(request.head, environ)
        try:
            environ["wsgi.input"] = request.body.open()
            if hooks is not None and seen is not None:
                hooks.before(seen)
            self._run_application()
        except RequestError as error:
            self._services.logger.warning("%s %s: %s", request.head.method, self._uri, error)
            self._fail(error.status)
        except ClientDisconnected as error:
            self._services.logger.debug("%s %s: %s", request.head.method, self._uri, error)
            self.response.keep_alive = False
        except asyncio.CancelledError:
            if self._connection.capabilities.client_is_gone:
                # The usual reason for a cancelled request; there is no client to answer.
                self._connection.abort()
                return
            self._services.logger.warning(
                "%s %s was cancelled before its response was complete",
                request.head.method,
                self._uri,
            )
            self._fail(HTTPStatus.SERVICE_UNAVAILABLE, abort=True)
        except BaseException as error:
            # Any exception: sys.exit() in a view must not end the worker, which serves other
            # requests as well.
            self._services.logger.exception(
                "Error handling request %s %s", request.head.method, self._uri
            )
            if kills_greenlet(error):
                self._connection.abort()
                raise
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            request.body.close()
            # Breaks the cycle environ -> method -> exchange.
            environ.pop("wsgi.early_hints", None)
            if self.response.has_switched:
                # The connection's new owner may keep the environ, but must not keep our connection.
                environ.pop(ON_DISCONNECT, None)
                environ.pop(UPGRADE, None)
            if not self.response.head_sent:
                self._note_client()
            self._services.access_log.log(
                request.head,
                self.response,
                environ,
                time.perf_counter() - started,
                client_left=self._client_left,
            )
            if hooks is not None and seen is not None:
                hooks.after(seen, environ, self.response)
            self._connection.ended(self)

    @property
    def _uri(self) -> str:
        return self._request.head.target

    # --- The application's side ---------------------------------------------------------------

    def _run_application(self) -> None:
        body: Any = self._services.application(self._request.environ, self._start_response)
        if type(body) is list or type(body) is tuple:
            self._send_whole(b"".join(body))
            return
        if hasattr(body, "__aiter__"):
            await_(self._send_async_parts(body))
            return
        outlet = None
        if type(body) is FileWrapper and not self.response.head_sent:
            outlet = self._connection.outlet()
        transfer = None if outlet is None else body.transfer()
        parts = SynchronousBody(transfer or body)
        try:
            if outlet is None or transfer is None:
                self._send_parts(parts)
            else:
                self._send_file(parts, transfer, outlet)
        finally:
            await_(parts.close())

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        self.response.may_switch = self._connection.capabilities.successor is not None
        try:
            self.response.start(status, headers, exc_info)
        finally:
            del exc_info  # breaks the cycle exception -> traceback -> this frame
        return self._write_from_application

    def _send_early_hints(self, fields: Iterable[tuple[str, str]]) -> None:
        """Send early hints (gunicorn's ``wsgi.early_hints``); no effect if it is too late."""
        # Through await_, as below.
        await_(self._hint_on_loop(early_hints(fields)))

    async def _hint_on_loop(self, data: bytes) -> None:
        # RFC 9110, 15.2: HTTP/1.0 has no interim responses.
        if self._request.head.version == (1, 1) and not self.response.head_sent:
            self._send(data)

    def _write_from_application(self, data: bytes) -> None:
        # Through await_, because the caller may be in an executor thread.
        await_(self._write_on_loop(data))

    async def _write_on_loop(self, data: bytes) -> None:
        self._write(data)

    # --- The client's side --------------------------------------------------------------------

    def _send_whole(self, body: bytes) -> None:
        """Send a body that is complete already: in one write, with its length."""
        response = self.response
        if response.head_sent:  # through the write() callable
            self._write(body)
            self._connection.write(response.end())
            return
        head = self._head(len(body))
        self._send(head + response.encode(body))
        response.end()  # returns no bytes here; raises if the Content-Length is longer

    def _send_parts(self, parts: SynchronousBody) -> None:
        """Send a body that arrives in parts, each of which may take the application time."""
        response = self.response
        while not response.head_sent or response.needs_body:
            # The next part may block for long, so it is fetched in a thread. A slow client holds
            # no thread, because the wait for room in the write buffer is between two parts.
            data = parts.next()
            if data is END_OF_BODY:
                break
            self._write(data)
        self._send_end()

    def _send_file(self, parts: SynchronousBody, transfer: FileTransfer, outlet: Outlet) -> None:
        """Have the system send a body; in threads as above, for which closing the body waits."""
        response = self.response
        self._send(self._head(transfer.size_bytes))
        if response.needs_body:
            await_(outlet.empty())
            transfer.aim(outlet.descriptor(), response.missing_bytes)
        while response.needs_body:
            sent = parts.next()
            if sent is END_OF_BODY:
                break
            response.sent += sent
            if response.needs_body:
                await_(outlet.writable(transfer.target))
        self._send_end()

    async def _send_async_parts(self, body: AsyncIterable[bytes]) -> None:
        """Send a body that is produced on the event loop; cancel it if the client disconnects."""
        response = self.response
        iterator: Any = None
        if (task := asyncio.current_task()) is not None:
            self._connection.capabilities.on_disconnect(task.cancel)
        try:
            iterator = aiter(body)
            while not response.head_sent or response.needs_body:
                data = await anext(iterator, END_OF_BODY)
                if data is END_OF_BODY:
                    break
                self._write(data)
        finally:
            # As PEP 3333 requires for synchronous bodies, the object that the application returned
            # is closed, not its iterator. An asynchronous generator is both.
            closable = body if hasattr(body, "aclose") else iterator
            if hasattr(closable, "aclose"):
                await closable.aclose()
        self._send_end()

    def _send_end(self) -> None:
        """Send the bytes that mark the end of a body in parts."""
        if self.response.head_sent:
            self._send(self.response.end())
        else:
            self._send(self._head(0) + self.response.end())

    def _write(self, data: Any) -> None:
        if type(data) is not bytes:
            raise ApplicationError(
                f"the response body must yield bytes (PEP 3333), got {type(data).__name__}"
            )
        if data:
            head = b"" if self.response.head_sent else self._head()
            self._send(head + self.response.encode(data))
            self._let_others_go_on()

    def _let_others_go_on(self) -> None:
        """Yield to the event loop now and then, even if the write buffer has room.

        A body whose parts are all available never waits if the client reads as fast as we write.
        The same is true if the client has gone, because the transport does not report that before
        the loop's next iteration.
        """
        self._parts_in_a_row += 1
        if self._parts_in_a_row == _MOST_IN_A_ROW:
            self._parts_in_a_row = 0
            await_(asyncio.sleep(0))

    def _note_client(self) -> None:
        """Record, for the access log, whether the client has left before its response."""
        self._client_left = self._connection.capabilities.client_is_gone

    def _head(self, body_length: int | None = None) -> bytes:
        self._note_client()
        response = self.response
        response.keep_alive = response.keep_alive and self._connection.may_keep_alive()
        return response.head(body_length)

    def _send(self, data: bytes) -> None:
        flow = self._connection.flow
        if flow.disconnected:
            raise ClientDisconnected("the client closed the connection before the response")
        if data:
            self._connection.write(data)
        if flow.full:
            await_(flow.drain())

    def _fail(self, status: HTTPStatus, *, abort: bool = False) -> None:
        """Answer with an error, or show the client that its response is incomplete."""
        if self.response.head_sent:
            self.response.keep_alive = False
            if abort or self.response.ends_by_closing:
                self._connection.abort()
            return
        self._note_client()
        self.response, data = error_response(
            status, status.phrase, method=self._request.head.method
        )
        self._connection.write(data)
