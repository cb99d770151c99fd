"""One HTTP request of a mounted application: ASGI on one side, a response of Pyramid on the other.

The application runs in a Task of its own, since it may continue after its response. It begins in
the context of the request. A part of the response is taken from it when the part before was sent.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

from pyramid.response import Response

from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_core.uploads import body_parts

from .._types import ASGIApplication, Message, Scope
from ..exceptions import ClientGone, IncompleteResponse, InvalidEvent
from .call import MountedCall

__all__ = ("MountedRequest", "response_of")

_log = logging.getLogger("aiopyramid_asgi")

_Part = tuple[bytes, bool]
"""A part of a body, and whether more follow."""


class MountedRequest(MountedCall):
    """One request through a mounted application.

    Args:
        application: The application.
        scope: The request, as the application gets it.
        request: Pyramid's request.
    """

    def __init__(self, application: ASGIApplication, scope: Scope, request: Any) -> None:
        super().__init__(application, scope, request)
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._input = _Input(request)
        self._head: Message | None = None
        self._has_ended = False
        self._is_over = asyncio.Event()
        self._part: asyncio.Future[_Part] = loop.create_future()
        self._room: asyncio.Future[None] = loop.create_future()
        self._is_listening = False

    async def response(self) -> Response:
        """Start the application, and wait for the beginning of its response.

        Raises:
            BaseException: Any exception that the application has raised.
            IncompleteResponse: The application has returned without a response.
        """
        self._begin()
        try:
            part, more = await self._part
        except asyncio.CancelledError:
            self.cancel()
            raise
        assert self._head is not None  # see _take_part
        response = response_of(self._head)
        if not more or self._scope["method"] == "HEAD":
            response.app_iter = [part]
            self.over()
        else:
            response.app_iter = _Body(self, part)
        if (length := _content_length(self._head)) is not None:
            response.content_length = length  # WebOb forgets it with the body that had it
        return response

    # --- Called for the body ------------------------------------------------------------------

    async def next_part(self) -> _Part:
        """Wait for the next part of the body; the part before was sent."""
        self._part = self._loop.create_future()
        if not self._room.done():
            self._room.set_result(None)
        return await self._part

    def over(self) -> None:
        """End the exchange: the response was sent, or its client has gone."""
        self._is_over.set()
        if not self._room.done():
            self._room.set_result(None)

    def over_from_anywhere(self) -> None:
        """End the exchange from any thread; see :meth:`over`."""
        if not self._is_over.is_set() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.over)

    def cancel(self) -> None:
        """Cancel the application: the request was cancelled before the response began."""
        self.over()
        super().cancel()

    # --- Called by the application ------------------------------------------------------------

    def _ended(self, error: BaseException | None) -> None:
        self._input.stop()
        path = self._scope["path"]
        if self._has_ended or self._is_over.is_set():
            if error is not None and not isinstance(error, asyncio.CancelledError):
                # If the client has gone, the exception is a consequence of that.
                level = logging.ERROR if self._has_ended else logging.DEBUG
                _log.log(level, "The ASGI application has failed after %s", path, exc_info=error)
        elif not self._part.done():
            self._part.set_exception(error or IncompleteResponse(path))
        else:
            # The part before is being sent.
            self._part_after(error or IncompleteResponse(path))

    def _part_after(self, error: BaseException) -> None:
        """Have the next part be an exception, as soon as it is asked for."""
        self._room.add_done_callback(
            lambda _: None if self._part.done() else self._part.set_exception(error)
        )

    async def _receive(self) -> Message:
        if not self._is_over.is_set():
            event = await self._input.next_event()
            if event is not None:
                return event
            self._listen()
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    def _listen(self) -> None:
        """Have the server tell when the client disconnects."""
        on_disconnect = self._request.environ.get(ON_DISCONNECT)
        if on_disconnect is not None and not self._is_listening:
            self._is_listening = True
            on_disconnect(self._is_over.set)

    async def _send(self, event: Message) -> None:
        kind = event["type"]
        if self._head is None:
            if kind != "http.response.start":
                raise InvalidEvent(kind, "http.response.start")
            self._head = event
        elif kind != "http.response.body" or self._has_ended:
            raise InvalidEvent(kind, "nothing more" if self._has_ended else "http.response.body")
        else:
            await self._take_part(event.get("body", b""), event.get("more_body", False))

    async def _take_part(self, part: bytes, more: bool) -> None:
        self._has_ended = not more
        if self._is_over.is_set():
            if more:
                raise ClientGone
            return
        if self._part.done():
            await self._wait_room()
        if self._is_over.is_set():
            return
        self._room = self._loop.create_future()
        self._part.set_result((bytes(part), more))
        if more:
            await self._wait_room()

    async def _wait_room(self) -> None:
        await asyncio.shield(self._room)


class _Input:
    """The body of a request, as events."""

    def __init__(self, request: Any) -> None:
        length = request.content_length
        self._left: int | None = length
        self._parts: AsyncGenerator[bytes, None] | None = None
        if request.is_body_seekable:  # Pyramid has read it, for a CSRF token for example
            request.body_file_raw.seek(0)
        file = request.environ.get("wsgi.input")
        # WebOb reads ahead, if a part of the body was read with request.body_file.
        is_read_ahead = "webob._body_file" in request.environ and not request.is_body_seekable
        self._whole = b""
        if type(file) is BytesIO and not is_read_ahead:
            self._whole = file.read()
        elif length != 0 and request.is_body_readable:
            self._parts = body_parts(request)
        self._reading: asyncio.Future[bytes] | None = None
        self._has_ended = False

    async def next_event(self) -> Message | None:
        """Return the next event; None after the last one."""
        if self._has_ended:
            return None
        part = self._whole
        if self._parts is not None:
            try:
                part = await self._read(self._parts)
            except OSError:
                self._has_ended = True
                return {"type": "http.disconnect"}
            if self._left is not None:
                self._left -= len(part)
        self._has_ended = self._parts is None or not part or self._left == 0
        return {"type": "http.request", "body": part, "more_body": not self._has_ended}

    async def _read(self, parts: AsyncGenerator[bytes, None]) -> bytes:
        # A reader that is cancelled, as by Starlette's is_disconnected(), must not lose a part.
        if self._reading is None:
            self._reading = asyncio.ensure_future(_next(parts))
        part = await asyncio.shield(self._reading)
        self._reading = None
        return part

    def stop(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()


async def _next(parts: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(parts, b"")


class _Body:
    """A response body that is taken from the application part by part."""

    def __init__(self, call: MountedRequest, first: bytes) -> None:
        self._call = call
        self._first: bytes | None = first
        self._has_ended = False

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            part, self._first = self._first, None
            return part
        if self._has_ended:
            self._call.over()
            raise StopAsyncIteration
        part, more = await self._call.next_part()
        self._has_ended = not more
        return part

    async def aclose(self) -> None:
        """Tell the application that nothing more is sent."""
        self._call.over()

    def __del__(self) -> None:
        # A tween may replace a response without closing its body.
        self._call.over_from_anywhere()


def response_of(head: Message) -> Response:
    """Return the response that an application has begun.

    Args:
        head: The event with ``status`` and ``headers``.
    """
    status = int(head["status"])
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = _UNKNOWN
    fields = [
        (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
        for name, value in head.get("headers", ())
    ]
    return Response(status=f"{status} {phrase}", headerlist=fields, app_iter=[])


def _content_length(head: Message) -> int | None:
    for name, value in head.get("headers", ()):
        if bytes(name).lower() == b"content-length" and bytes(value).isdigit():
            return int(value)
    return None


_UNKNOWN: Final = "Unknown"
"""The phrase of a status that is not registered; an empty one is refused by some clients."""
