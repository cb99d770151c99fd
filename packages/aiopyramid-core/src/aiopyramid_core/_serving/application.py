"""One call of a WSGI application: PEP 3333 from the environ to the parts of the response.

Everything here runs in a greenlet of the bridge, on the event loop's thread. Coroutines suspend
that greenlet, and code that may block runs in threads.
"""

import asyncio
from collections.abc import AsyncIterable, Callable
from functools import partial
from typing import Any, Final, Protocol

from .._bodies import END_OF_BODY, AsyncBody, SynchronousBody
from .._requests.in_thread import Environ, WSGIApplication
from ..awaiting import await_
from ..exceptions import ApplicationError
from ..response_head import ExcInfo
from .capabilities import Capabilities
from .response import WSGIResponse

__all__ = ("PostingSink", "Sink", "run_application")

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

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities; asked for by few requests, so they may be made here."""

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


class PostingSink(Protocol):
    """A sink that can also send a part of a body from outside of the request's greenlet."""

    def post(self, part: bytes) -> bool:
        """Send a part of the body, if the head was sent and the client keeps up; never wait.

        It is called on the event loop's thread while the application waits for its next part.

        Args:
            part: Never empty.

        Returns:
            Whether it was sent.
        """


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
    response = sink.response
    body: Any = application(environ, partial(_start_response, sink))
    if not (type(body) is list or type(body) is tuple):
        _send_parts(sink, body)
    elif response.head_sent:  # by the write() callable
        _write(sink, b"".join(body))
        _end(sink)
    else:
        sink.send_whole(b"".join(body))
        response.check_end()


# Not within run_application(): Python would evaluate the annotations for each request, which takes
# longer than the call.
def _start_response(
    sink: Sink, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
) -> Callable[[bytes], None]:
    # The capabilities are the last to be looked at, because a sink may make them only when asked.
    may_switch = (
        type(status) is str and status.startswith("101") and sink.capabilities.successor is not None
    )
    try:
        sink.response.start(status, headers, exc_info, may_switch)
    finally:
        del exc_info  # breaks the cycle exception -> traceback -> this frame
    return partial(_write_from_application, sink)


def _write_from_application(sink: Sink, data: bytes) -> None:
    # Through await_, because the caller may be in an executor thread.
    await_(_write_on_loop(sink, data))


async def _write_on_loop(sink: Sink, data: bytes) -> None:
    _write(sink, data)


# --- Bodies in parts ------------------------------------------------------------------------------


def _send_parts(sink: Sink, body: Any) -> None:
    """Send a body that arrives in parts: an iterable of either kind, or a file."""
    if hasattr(body, "__aiter__"):
        await_(_send_async_parts(sink, body))
    elif sink.response.head_sent or not sink.send_file(body):
        _send_synchronous_parts(sink, SynchronousBody(body))


def _send_synchronous_parts(sink: Sink, parts: SynchronousBody) -> None:
    """Send a body each part of which may take the application time."""
    try:
        while _needs_part(sink.response):
            # The next part may block for long, so it is fetched in a thread. A slow client holds no
            # thread, because the wait for the client is between two parts.
            part = parts.next()
            if part is END_OF_BODY:
                break
            _write(sink, part)
        _end(sink)
    finally:
        await_(parts.close())


async def _send_async_parts(sink: Sink, body: AsyncIterable[bytes]) -> None:
    """Send a body that is produced on the event loop; cancel it if the client disconnects."""
    iterator: Any = None
    if (task := asyncio.current_task()) is not None:
        sink.capabilities.on_disconnect(task.cancel)
    if isinstance(body, AsyncBody):
        sink.response.ends_on_stop = body.ends_on_stop
        # Not a check against PostingSink, which takes twenty times as long.
        post: Callable[[bytes], bool] | None = getattr(sink, "post", None)
        if post is not None:
            body.attach(post)
    try:
        iterator = aiter(body)
        while _needs_part(sink.response):
            part = await anext(iterator, END_OF_BODY)
            if part is END_OF_BODY:
                break
            _write(sink, part)
    finally:
        # As PEP 3333 requires for synchronous bodies, the object that the application returned is
        # closed, not its iterator. An asynchronous generator is both.
        closable = body if hasattr(body, "aclose") else iterator
        if hasattr(closable, "aclose"):
            await closable.aclose()
    _end(sink)


def _needs_part(response: WSGIResponse) -> bool:
    """Return whether to ask the application for another part; for the first one in any case.

    The response can change until then, and an application may only start it when its body is
    iterated.
    """
    return not response.head_sent or response.needs_body


def _write(sink: Sink, part: Any) -> None:
    if type(part) is not bytes:
        raise ApplicationError(
            f"the response body must yield bytes (PEP 3333), got {type(part).__name__}"
        )
    if part:
        sink.write(part)
        # Yield to the event loop now and then, even if there is room for more. A body whose parts
        # are all available never waits if the client reads as fast as we write. The same is true if
        # the client has gone, because a transport does not report that before the loop's next
        # iteration.
        if sink.response.parts % _MOST_IN_A_ROW == 0:
            await_(asyncio.sleep(0))


def _end(sink: Sink) -> None:
    sink.response.check_end()
    sink.end()
