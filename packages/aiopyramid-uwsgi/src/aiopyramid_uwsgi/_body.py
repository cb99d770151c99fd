"""The body of a request, read before the application starts: to memory, then to disk.

uWSGI can wait for the client only in the greenlet that it has created for the request: a read in a
coroutine fails, and a read in an executor thread crashes the worker.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any, Final

from aiopyramid_core.exceptions import (
    BadRequest,
    CodingNotSupported,
    ContentTooLarge,
    InsufficientStorage,
)

from . import _api
from ._settings import UWSGISettings
from .exceptions import BodyNotReceived

__all__ = ("receive_body",)

_PIECE_BYTES: Final = 64 << 10
"""Bytes read at a time."""

_MOST_DIGITS: Final = 20
"""Longest Content-Length: no body is longer, and Python refuses to convert thousands of digits."""


def receive_body(environ: dict[str, Any], settings: UWSGISettings) -> IO[bytes]:
    """Wait for the whole body and make it ``wsgi.input``; called in uWSGI's greenlet.

    Args:
        environ: The request's environ. Afterwards it has the length even of a chunked body.
        settings: How long the body may be, and how much of it may stay in memory.

    Returns:
        The body, at its beginning; to be closed after the request.

    Raises:
        BadRequest: ``Content-Length`` is not a number, or the length is given in two ways.
        BodyNotReceived: The client went away or was too slow.
        CodingNotSupported: The body is not, or not only, in chunks.
        ContentTooLarge: The body is longer than allowed.
        InsufficientStorage: There is no room for it.
    """
    chunked = _is_chunked(environ)
    length = 0 if chunked else _length(environ)
    _check(length, settings)
    body: IO[bytes] = BytesIO()
    if chunked or length:
        # The disk is slower than memory, but a file in the page cache does not block the loop
        # for long.
        body = tempfile.SpooledTemporaryFile(settings.body_memory_bytes)  # noqa: SIM115
        received = 0
        try:
            for piece in _chunks() if chunked else _pieces(environ["wsgi.input"], length):
                received += len(piece)
                _check(received, settings)
                with _keeping():
                    body.write(piece)
            with _keeping():
                body.seek(0)
        except OSError as error:
            body.close()
            raise BodyNotReceived(f"after {received} bytes of the request body: {error}") from error
        except BaseException:
            with contextlib.suppress(OSError):  # data that is not written yet will not be read
                body.close()
            raise
        if chunked:
            del environ["HTTP_TRANSFER_ENCODING"]
            environ["CONTENT_LENGTH"] = str(received)
    environ["wsgi.input"] = body
    return body


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


def _check(length_bytes: int, settings: UWSGISettings) -> None:
    if length_bytes > settings.body_limit_bytes:
        raise ContentTooLarge(
            f"the request body exceeds {settings.body_limit_bytes} bytes"
            " (aiopyramid.uwsgi.body_limit_bytes)"
        )


@contextlib.contextmanager
def _keeping() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the request body cannot be kept: {error.strerror or error}"
        raise InsufficientStorage(what) from None


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
