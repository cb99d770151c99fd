"""From a response and its body parts to bytes: the framing by RFC 9112.

Pure: no asyncio, no sockets. The checks by PEP 3333 are the core's.
"""

import enum
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from aiopyramid_core.response_head import ADDED_BY_SERVERS, check_values, special_name
from aiopyramid_core.servers import WSGIResponse, plain_text

from .date import date_line

__all__ = ("LENGTH", "NONE", "Response", "early_hints", "error_response")


_FIELD_LINE: Final = "%s: %s\r\n".__mod__
"""Formats a field, without a call of a function in Python for each head."""


class _Framing(enum.Enum):
    """How the end of the body is marked (RFC 9112, 6.3)."""

    NONE = "there is no body"
    LENGTH = "by Content-Length"
    CHUNKED = "by the last chunk"
    CLOSE = "by closing the connection"


# As in _state, for the same reason.
NONE: Final = _Framing.NONE
LENGTH: Final = _Framing.LENGTH
_CHUNKED: Final = _Framing.CHUNKED
_CLOSE: Final = _Framing.CLOSE


class Response(WSGIResponse):
    """One response: its head, validated and completed, and the framing of its body.

    gunicorn's access logger and hooks also get it as ``resp``.

    Args:
        method: The request's method.
        version: The request's HTTP version.
        keep_alive: Whether the connection may be used again if the response allows it.

    Attributes:
        has_ended: Whether the end of the body was encoded, so that another response may follow.
        keep_alive: Whether the connection may be used again after this response.
    """

    __slots__ = ("_framing", "_version", "has_ended", "keep_alive")

    def __init__(self, method: str, version: tuple[int, int], *, keep_alive: bool) -> None:
        # Not super(), which takes Python 3.11 as long as three calls.
        WSGIResponse.__init__(self, method)
        self._version = version
        self._framing: _Framing = NONE
        self.has_ended = False
        self.keep_alive = keep_alive

    def head(self, body_length: int | None = None) -> bytes:
        """Encode the head. The response is committed from here on.

        Args:
            body_length: The length of the whole body in bytes if it is known already; it is used
                when the application gave no Content-Length.

        Raises:
            ApplicationError: ``start_response`` was not called, or a field is malformed.
        """
        status = self.commit()
        if self.asks_to_close:
            self.keep_alive = False
        lines = self._frame(body_length)
        block = "".join(map(_FIELD_LINE, self.headers))
        if "upgrade" in self.given:
            lines += "Connection: upgrade\r\n"  # RFC 9110, 7.8: Upgrade needs it
        if self.code == 101:
            pass  # the other protocol decides about the connection
        elif not self.keep_alive:
            lines += "Connection: close\r\n"
        elif self._version == (1, 0):
            lines += "Connection: keep-alive\r\n"
        if "server" not in self.given:
            lines += "Server: gunicorn\r\n"
        if "date" not in self.given:
            lines += date_line()
        return f"HTTP/1.1 {status}\r\n{block}{lines}\r\n".encode("latin-1")

    def _frame(self, body_length: int | None) -> str:
        """Choose the framing and return the header lines that declare it."""
        if self._left == 0:
            self._framing = NONE
        elif self.length is not None:
            self._framing = LENGTH
        elif body_length is not None:
            self._framing = LENGTH
            self.set_length(body_length)
            return f"Content-Length: {body_length}\r\n"
        elif self._version == (1, 1):
            self._framing = _CHUNKED
            return "Transfer-Encoding: chunked\r\n"
        else:
            self._framing = _CLOSE
            self.keep_alive = False
        return ""

    def encode_whole(self, body: bytes) -> bytes:
        """Encode the head and a body that is complete already.

        Raises:
            ApplicationError: As for :meth:`head`.
        """
        head = self.head(len(body))
        self.has_ended = True
        return head + self.take(body)

    def encode(self, data: bytes) -> bytes:
        """Frame a part of the body. Bytes beyond the Content-Length are cut off."""
        data = self.take(data)
        if self._framing is _CHUNKED and data:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return data

    def end(self) -> bytes:
        """Return the bytes that end the body, after which another response may follow."""
        self.has_ended = True
        return b"0\r\n\r\n" if self._framing is _CHUNKED else b""

    @property
    def status_code(self) -> int | None:
        """The three digits of the status as a number, for gunicorn's hooks; None as ``status``."""
        return None if self.status is None else int(self.status[:3])

    @property
    def has_switched(self) -> bool:
        """Whether the client was told that the connection has left HTTP."""
        return self.head_sent and self.code == 101

    @property
    def ends_by_closing(self) -> bool:
        """Whether the end of the connection marks the end of the body."""
        return self._framing is _CLOSE


def early_hints(fields: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    """Encode a ``103 Early Hints`` response (RFC 8297).

    Args:
        fields: Its header fields. Those that a response without a body cannot have are left out.

    Raises:
        ApplicationError: A field is malformed.
    """
    lines = []
    for name, value in fields:
        name, value = (x.decode("latin-1") if isinstance(x, bytes) else x for x in (name, value))
        special = special_name(name)
        check_values([(name, value)])
        if special is None or special in ADDED_BY_SERVERS:
            lines.append(f"{name}: {value}\r\n")
    return f"HTTP/1.1 103 Early Hints\r\n{''.join(lines)}\r\n".encode("latin-1")


def error_response(
    status: HTTPStatus, detail: str, *, method: str = "GET"
) -> tuple[Response, bytes]:
    """Make the whole response to a request that failed before the application could answer it.

    Args:
        status: The status.
        detail: A sentence for the client, sent as plain text.
        method: The request's method if it is known.

    Returns:
        The response, for the access log, and all of its bytes. The connection must be closed.
    """
    line, fields, body = plain_text(status, detail)
    response = Response(method, (1, 1), keep_alive=False)
    response.start(line, fields)
    return response, response.head() + response.encode(body) + response.end()
