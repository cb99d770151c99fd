"""The body of a request whose view reads it while it arrives."""

import asyncio
from typing import Any

from aiopyramid_core.exceptions import RequestError
from aiopyramid_core.servers import LiveBody

from ._body import announced
from ._disconnects import Disconnects
from ._settings import ASGISettings
from ._types import Receive

__all__ = ("begin_live_body",)


def begin_live_body(
    environ: dict[str, Any], receive: Receive, settings: ASGISettings, disconnects: Disconnects
) -> LiveBody:
    """Make a body that is still to arrive ``wsgi.input``.

    The client is asked for the body when the application reads for the first time. From then on one
    Task receives all events, so that the client's disconnect is noticed during the upload as well.

    Args:
        environ: The request's environ.
        receive: Waits for a part.
        settings: How long the body may be, and how long the client may take.
        disconnects: Learns that the client has gone.

    Returns:
        The body; to be closed after the request.

    Raises:
        BadRequest: ``Content-Length`` is not a number.
        ContentTooLarge: The body is longer than allowed.
    """
    length = announced(environ)
    settings.check(length)
    seconds = settings.body_timeout_seconds
    body = LiveBody(settings, b"", length, lambda length_bytes, waited_seconds: seconds)
    arriving = _Arriving(body, receive)
    body.on_room = arriving.room.set
    body.on_first_read = disconnects.watch
    disconnects.before = arriving.receive
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    body.offer(environ)
    return body


class _Arriving:
    """Receives a body, as fast as the application reads it."""

    def __init__(self, body: LiveBody, receive: Receive) -> None:
        self._body = body
        self._receive = receive
        self.room = asyncio.Event()

    async def receive(self) -> bool:
        """Receive the body; return whether the client is still there."""
        body, more = self._body, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                body.lose()
                return False
            try:
                body.write(message.get("body", b""))
            except RequestError as error:
                body.fail(error)
            more = message.get("more_body", False)
            self.room.clear()
            if body.is_full:
                await self.room.wait()
        # A server that ends a body early has lost its client.
        if body.missing_bytes:
            body.lose()
        body.end()
        return True
