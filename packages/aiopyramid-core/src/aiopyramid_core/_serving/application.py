"""One call of a WSGI application: PEP 3333 from the environ to the parts of the response.

Everything here runs in a greenlet of the bridge, on the event loop's thread. Coroutines suspend
that greenlet, and code that may block runs in threads.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import Any, Final, Protocol

from .._bodies import END_OF_BODY, SynchronousBody
from .._requests.in_thread import Environ, WSGIApplication
from ..awaiting import await_
from ..exceptions import ApplicationError
from ..response_head import ExcInfo
from .capabilities import Capabilities
from .response import WSGIResponse

__all__ = ("Sink", "run_application")

_MOST_IN_A_ROW: Final = 128
"""How many parts of a body are sent before other tasks get a turn: some milliseconds."""


class Sink(Protocol):
    """Where a server sends one response; to be implemented by the server.

    The methods are called in a greenlet of the bridge, on the event loop's thread, and may wait by
    :func:`~aiopyramid_core.await_`: for a client that reads slowly, for example. They raise
    :class:`~aiopyramid_core.exceptions.ClientDisconnected` if there is no client any more.

    Attributes:
        capabilities: The capabilities that the connection offers the application.
        response: The response. The server calls its ``commit`` before it sends the head, and passes
            each part of the body through ``take``.
    """

    capabilities: Capabilities

    @property
    def response(self) -> WSGIResponse:
        """The response."""

    def send_whole(self, body: bytes) -> None:
        """Send the head, and a body that is complete already.

        Args:
            body: The body; its length may be declared for the application.
        """

    def send_file(self, body: Any) -> bool:
        """Send the head and a file by a faster way than :meth:`write`, and close the file.

        Args:
            body: A body that the application has returned, of any synchronous kind.

        Returns:
            Whether the body was sent. If not, nothing was done.
        """

    def write(self, part: bytes) -> None:
        """Send a part of the body, after the head if that was not sent; wait for the client.

        Args:
            part: Never empty.
        """

    def end(self) -> None:
        """Send the end of a body in parts, after the head if there were no parts."""


def run_application(application: WSGIApplication, environ: Environ, sink: Sink) -> None:
    """Call an application and send its response.

    The body may be a list, a synchronous iterable, which is iterated in threads, or an asynchronous
    one. It is closed however the call ends.

    Args:
        application: The WSGI application.
        environ: The environ of the request.
        sink: Where the response goes.

    Raises:
        ApplicationError: The application broke the WSGI protocol.
        ClientDisconnected: The client went away before the end of the response.
        BaseException: Any exception raised by the application. See :func:`.report_failure`.
    """
    call = _Call(sink)
    body: Any = application(environ, call.start_response)
    response = sink.response
    if not (type(body) is list or type(body) is tuple):
        call.send_parts(body)
    elif response.head_sent:  # by the write() callable
        call.send_rest(b"".join(body))
    else:
        sink.send_whole(b"".join(body))
        response.check_end()


class _Call:
    """One call of an application."""

    __slots__ = ("_parts_in_a_row", "_response", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._response = sink.response
        self._parts_in_a_row = 0

    # --- Called by the application ------------------------------------------------------------

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        may_switch = self._sink.capabilities.successor is not None
        try:
            self._response.start(status, headers, exc_info, may_switch=may_switch)
        finally:
            del exc_info  # breaks the cycle exception -> traceback -> this frame
        return self._write_from_application

    def _write_from_application(self, data: bytes) -> None:
        # Through await_, because the caller may be in an executor thread.
        await_(self._write_on_loop(data))

    async def _write_on_loop(self, data: bytes) -> None:
        self._write(data)

    # --- The body -----------------------------------------------------------------------------

    def send_rest(self, body: bytes) -> None:
        """Send a body of which the beginning was sent already."""
        self._write(body)
        self._end()

    def send_parts(self, body: Any) -> None:
        """Send a body that arrives in parts: an iterable of either kind, or a file."""
        if hasattr(body, "__aiter__"):
            await_(self._send_async_parts(body))
        elif self._response.head_sent or not self._sink.send_file(body):
            self._send_synchronous_parts(SynchronousBody(body))

    def _send_synchronous_parts(self, parts: SynchronousBody) -> None:
        """Send a body each part of which may take the application time."""
        try:
            while self._needs_part:
                # The next part may block for long, so it is fetched in a thread. A slow client
                # holds no thread, because the wait for the client is between two parts.
                part = parts.next()
                if part is END_OF_BODY:
                    break
                self._write(part)
            self._end()
        finally:
            await_(parts.close())

    async def _send_async_parts(self, body: AsyncIterable[bytes]) -> None:
        """Send a body that is produced on the event loop; cancel it if the client disconnects."""
        iterator: Any = None
        if (task := asyncio.current_task()) is not None:
            self._sink.capabilities.on_disconnect(task.cancel)
        try:
            iterator = aiter(body)
            while self._needs_part:
                part = await anext(iterator, END_OF_BODY)
                if part is END_OF_BODY:
                    break
                self._write(part)
        finally:
            # As PEP 3333 requires for synchronous bodies, the object that the application returned
            # is closed, not its iterator. An asynchronous generator is both.
            closable = body if hasattr(body, "aclose") else iterator
            if hasattr(closable, "aclose"):
                await closable.aclose()
        self._end()

    @property
    def _needs_part(self) -> bool:
        """Whether to ask the application for another part; for the first one in any case.

        The response can change until then, and an application may only start it when its body is
        iterated.
        """
        return not self._response.head_sent or self._response.needs_body

    def _write(self, part: Any) -> None:
        if type(part) is not bytes:
            raise ApplicationError(
                f"the response body must yield bytes (PEP 3333), got {type(part).__name__}"
            )
        if part:
            self._sink.write(part)
            self._let_others_go_on()

    def _let_others_go_on(self) -> None:
        """Yield to the event loop now and then, even if there is room for more.

        A body whose parts are all available never waits if the client reads as fast as we write.
        The same is true if the client has gone, because a transport does not report that before the
        loop's next iteration.
        """
        self._parts_in_a_row += 1
        if self._parts_in_a_row == _MOST_IN_A_ROW:
            self._parts_in_a_row = 0
            await_(asyncio.sleep(0))

    def _end(self) -> None:
        self._response.check_end()
        self._sink.end()
