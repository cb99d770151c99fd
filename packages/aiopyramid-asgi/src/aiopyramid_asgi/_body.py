"""The body of a request, received before the application starts: to memory, then to disk."""

import asyncio
from typing import Any, Final

from aiopyramid_core.exceptions import BadRequest, BodyTooSlow, ClientDisconnected
from aiopyramid_core.servers import RequestBody

from ._settings import ASGISettings
from ._types import Receive

__all__ = ("announced", "has_no_body", "receive_body")

_READS: Final = ("GET", "HEAD")

_MOST_DIGITS: Final = 20
"""Longest Content-Length: no body is longer, and Python refuses to convert thousands of digits."""


def has_no_body(environ: dict[str, Any]) -> bool:
    """Return whether it is certain that a request has no body that matters.

    In HTTP/1 a field announces a body (RFC 9112, 6.3). In HTTP/2 and HTTP/3 one may come without a
    field, but with GET and HEAD it would have no meaning (RFC 9110, 9.3.1). uvicorn does not tell
    the application that such a request is complete.
    """
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        return False
    return environ["SERVER_PROTOCOL"].startswith("HTTP/1") or environ["REQUEST_METHOD"] in _READS


async def receive_body(
    environ: dict[str, Any], receive: Receive, settings: ASGISettings
) -> RequestBody:
    """Wait for the whole body and make it ``wsgi.input``.

    A body that is too long by its own account is refused before the client is asked to send it.

    Args:
        environ: The request's environ. Afterwards it has the length even of a chunked body.
        receive: Waits for a part.
        settings: How long the body may be, and how long the client may take.

    Returns:
        The body; to be closed after the request.

    Raises:
        BadRequest: ``Content-Length`` is not a number.
        BodyTooSlow: The client has paused for too long.
        ClientDisconnected: The client went away before the end of the body.
        ContentTooLarge: The body is longer than allowed.
        InsufficientStorage: There is no room for it.
    """
    body = RequestBody(settings)
    try:
        body.announce(announced(environ))
        await _receive(body, receive, settings.body_timeout_seconds)
        # A server that ends a body early has lost its client.
        if body.missing_bytes:
            raise _gone(body)
        body.offer(environ)
    except BaseException:
        body.close()
        raise
    # The server has joined the chunks.
    if environ.pop("HTTP_TRANSFER_ENCODING", None) is not None or body.length_bytes:
        environ["CONTENT_LENGTH"] = str(body.length_bytes)
    return body


async def _receive(body: RequestBody, receive: Receive, seconds: float) -> None:
    more = True
    while more:
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow(
                f"nothing more of the request body has arrived for {seconds:g} seconds"
                " (aiopyramid.asgi.body_timeout)"
            ) from None
        if message["type"] == "http.disconnect":
            raise _gone(body)
        if part := message.get("body", b""):
            body.write(part)
        more = message.get("more_body", False)


def _gone(body: RequestBody) -> ClientDisconnected:
    return ClientDisconnected(
        f"the client closed the connection after {body.length_bytes} bytes of the request body"
    )


def announced(environ: dict[str, Any]) -> int:
    """Return the length of a body as its request announces it; 0 if it does not.

    Raises:
        BadRequest: ``Content-Length`` is not a number.
    """
    text = environ.get("CONTENT_LENGTH") or "0"
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdigit()) or len(digits) > _MOST_DIGITS:
        raise BadRequest(f"invalid Content-Length: {text[:_MOST_DIGITS]!r}")
    return int(digits)
