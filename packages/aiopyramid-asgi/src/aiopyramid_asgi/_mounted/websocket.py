"""One WebSocket of a mounted application.

The application runs in a Task of its own, from the opening handshake on. Its first answer decides
about the handshake; then its events are calls of the WebSocket that the handler gets.
"""

import asyncio
import logging
from typing import Any, Final, Protocol

from pyramid.httpexceptions import HTTPForbidden
from pyramid.response import Response

from aiopyramid_core import AiopyramidError

from .._types import ASGIApplication, Message, Scope
from ..exceptions import ClientGone, IncompleteResponse, InvalidEvent
from .call import MountedCall
from .http import response_of

__all__ = ("MountedWebSocket",)

_log = logging.getLogger("aiopyramid_asgi")

_NO_CLOSE: Final = 1006
_DENIAL: Final = "websocket.http.response"


class _WebSocket(Protocol):
    """The object that handlers get; see :class:`aiopyramid_websocket.WebSocket`."""

    closed: bool
    close_code: int | None
    close_reason: str

    async def recv(self) -> str | bytes | None: ...

    async def send(self, message: str | bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class MountedWebSocket(MountedCall):
    """One WebSocket through a mounted application.

    Args:
        application: The application.
        scope: The opening handshake, as the application gets it.
        request: Pyramid's request.
    """

    def __init__(self, application: ASGIApplication, scope: Scope, request: Any) -> None:
        super().__init__(application, scope, request)
        loop = asyncio.get_running_loop()
        self._is_connected = False
        self._answer: asyncio.Future[Message | Response] = loop.create_future()
        self._denial: Response | None = None
        self._denial_parts: list[bytes] = []
        self._opened: asyncio.Future[_WebSocket | None] = loop.create_future()
        self._end: asyncio.Future[BaseException | None] = loop.create_future()

    async def accept(self) -> str | Response | None:
        """Start the application, and wait for its answer to the handshake.

        Returns:
            As for the option ``accept`` of a WebSocket view.

        Raises:
            BaseException: Any exception that the application has raised.
            IncompleteResponse: The application has returned without an answer.
        """
        self._request.add_finished_callback(self._never_opened)
        self._begin()
        try:
            answer = await self._answer
        except asyncio.CancelledError:
            self.cancel()
            raise
        if isinstance(answer, Response):
            return answer
        headers = self._request.response.headers
        for field, value in answer.get("headers", ()):
            headers.add(bytes(field).decode("latin-1"), bytes(value).decode("latin-1"))
        subprotocol: str | None = answer.get("subprotocol")
        return subprotocol

    async def serve(self, ws: Any) -> None:
        """Let the application use the open connection until it returns.

        Args:
            ws: The connection.

        Raises:
            BaseException: Any exception that the application has raised.
        """
        self._opened.set_result(ws)
        try:
            error = await asyncio.shield(self._end)
        except asyncio.CancelledError:
            self.cancel()
            raise
        if error is not None and not (ws.closed and isinstance(error, OSError)):
            raise error

    def _never_opened(self, request: Any) -> None:
        """End the connection, if it was never opened; a finished callback."""
        if not self._opened.done():
            self._opened.get_loop().call_soon_threadsafe(self._lose)

    def _lose(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    # --- Called by the application ------------------------------------------------------------

    def _ended(self, error: BaseException | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or IncompleteResponse(self._scope["path"]))
        elif error is not None and not self._was_open:
            # If the client has gone, the exception is a consequence of that.
            level = logging.DEBUG if self._denial is None else logging.ERROR
            path = self._scope["path"]
            _log.log(level, "The ASGI application has failed after %s", path, exc_info=error)
        self._end.set_result(error)

    @property
    def _was_open(self) -> bool:
        return self._opened.done() and self._opened.result() is not None

    async def _receive(self) -> Message:
        if not self._is_connected:
            self._is_connected = True
            return {"type": "websocket.connect"}
        ws = await asyncio.shield(self._opened)
        message = None if ws is None else await ws.recv()
        if ws is None or message is None:
            code = None if ws is None else ws.close_code
            reason = "" if ws is None else ws.close_reason
            return {"type": "websocket.disconnect", "code": code or _NO_CLOSE, "reason": reason}
        return {
            "type": "websocket.receive",
            "text": message if isinstance(message, str) else None,
            "bytes": message if isinstance(message, bytes) else None,
        }

    async def _send(self, event: Message) -> None:
        if not self._answer.done():
            self._answer_handshake(event)
            return
        ws = await asyncio.shield(self._opened)
        if ws is None:
            raise ClientGone
        if event["type"] == "websocket.close":
            await ws.close(event.get("code") or 1000, event.get("reason") or "")
        elif event["type"] == "websocket.send":
            text = event.get("text")
            try:
                await ws.send(event["bytes"] if text is None else text)
            except AiopyramidError as error:
                if not ws.closed:
                    raise
                raise ClientGone from error
        else:
            raise InvalidEvent(event["type"], "websocket.send or websocket.close")

    def _answer_handshake(self, event: Message) -> None:
        kind = event["type"]
        if self._denial is not None:
            if kind != f"{_DENIAL}.body":
                raise InvalidEvent(kind, f"{_DENIAL}.body")
            self._denial_parts.append(bytes(event.get("body", b"")))
            if not event.get("more_body", False):
                self._denial.app_iter = self._denial_parts
                self._answer.set_result(self._denial)
        elif kind == f"{_DENIAL}.start":
            self._denial = response_of(event)
        elif kind == "websocket.close":
            self._denial = HTTPForbidden()
            self._answer.set_result(self._denial)
        elif kind == "websocket.accept":
            self._answer.set_result(event)
        else:
            raise InvalidEvent(kind, f"websocket.accept, websocket.close or {_DENIAL}.start")
