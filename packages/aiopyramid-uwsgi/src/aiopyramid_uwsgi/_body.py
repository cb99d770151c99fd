"""The body of a request, read before the application starts: to memory, then to disk.

uWSGI can wait for the client only in the greenlet that it has created for the request: a read in a
coroutine fails, and a read in an executor thread crashes the worker.
"""

from collections.abc import Iterator
from typing import IO, Any, Final

from aiopyramid_core.exceptions import BadRequest, CodingNotSupported
from aiopyramid_core.servers import BodyLimits, RequestBody

from . import _api
from .exceptions import BodyNotReceived

__all__ = ("receive_body",)

_PIECE_BYTES: Final = 64 << 10
"""Bytes read at a time."""

_MOST_DIGITS: Final = 20
"""Longest Content-Length: no body is longer, and Python refuses to convert thousands of digits."""


def receive_body(environ: dict[str, Any], limits: BodyLimits) -> RequestBody:
    """Wait for the whole body and make it ``wsgi.input``; called in uWSGI's greenlet.

    Args:
        environ: The request's environ. Afterwards it has the length even of a chunked body.
        limits: How long the body may be, and how much of it may stay in memory.

    Returns:
        The body; to be closed after the request.

    Raises:
        BadRequest: ``Content-Length`` is not a number, or the length is given in two ways.
        BodyNotReceived: The client went away or was too slow.
        CodingNotSupported: The body is not, or not only, in chunks.
        ContentTooLarge: The body is longer than allowed.
        InsufficientStorage: There is no room for it.
    """
    chunked = _is_chunked(environ)
    length = 0 if chunked else _length(environ)
    body = RequestBody(limits)
    body.announce(length)
    try:
        if chunked or length:
            _receive(body, _chunks() if chunked else _pieces(environ["wsgi.input"], length))
        body.offer(environ)
    except BaseException:
        body.close()
        raise
    if chunked:
        del environ["HTTP_TRANSFER_ENCODING"]
        environ["CONTENT_LENGTH"] = str(body.length_bytes)
    return body


def _receive(body: RequestBody, pieces: Iterator[bytes]) -> None:
    try:
        for piece in pieces:
            body.write(piece)
    except OSError as error:
        raise BodyNotReceived(
            f"after {body.length_bytes} bytes of the request body: {error}"
        ) from error


def _is_chunked(environ: dict[str, Any]) -> bool:
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is None:
        return False
    if coding.strip().lower() != "chunked":
        raise CodingNotSupported(
            f"unsupported Transfer-Encoding: {coding!r}, only chunked is supported"
        )
    if environ.get("CONTENT_LENGTH"):
        # RFC 9112, 6.3: perhaps an attempt to smuggle a request past a proxy.
        raise BadRequest("the request has both a Transfer-Encoding and a Content-Length")
    return True


def _length(environ: dict[str, Any]) -> int:
    text = environ.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        raise BadRequest(f"invalid Content-Length: {text[:_MOST_DIGITS]!r}")
    return int(text)


def _pieces(source: IO[bytes], length: int) -> Iterator[bytes]:
    while length:
        piece = source.read(min(length, _PIECE_BYTES))
        if not piece:
            # This is how uWSGI reports a client that has closed its side.
            raise OSError("the client closed the connection")
        length -= len(piece)
        yield piece


def _chunks() -> Iterator[bytes]:
    while chunk := _api.read_chunk():
        yield chunk
