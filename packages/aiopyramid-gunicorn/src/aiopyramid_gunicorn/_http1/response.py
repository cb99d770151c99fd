"""From ``start_response`` and body parts to bytes: framing by RFC 9112, validation by PEP 3333.

Pure: no asyncio, no sockets.
"""

import enum
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.response_head import (
    ADDED_BY_SERVERS,
    ExcInfo,
    check_call,
    check_field,
    check_final,
    check_values,
    has_body,
    has_length,
    length_of,
    special_name,
    status_code,
)

from .date import date_line

__all__ = ("Response", "early_hints", "error_response")


class _Framing(enum.Enum):
    """How the end of the body is marked (RFC 9112, 6.3)."""

    NONE = "there is no body"
    LENGTH = "by Content-Length"
    CHUNKED = "by the last chunk"
    CLOSE = "by closing the connection"


# As in _state, for the same reason.
_NONE: Final = _Framing.NONE
_LENGTH: Final = _Framing.LENGTH
_CHUNKED: Final = _Framing.CHUNKED
_CLOSE: Final = _Framing.CLOSE


class Response:
    """One response: its head, validated and completed, and the framing of its body.

    gunicorn's access logger and hooks also get it as ``resp``.

    Args:
        method: The request's method.
        version: The request's HTTP version.
        keep_alive: Whether the connection may be used again if the response allows it.

    Attributes:
        status: The status line without the version, for example ``"200 OK"``; None before
            ``start_response``.
        headers: The application's header fields, without hop-by-hop fields.
        sent: Number of body bytes that were encoded, without their framing.
        head_sent: Whether the head was encoded, so that the status can no longer change.
        has_ended: Whether the end of the body was encoded, so that another response may follow.
        keep_alive: Whether the connection may be used again after this response.
        may_switch: Whether the response may be ``101 Switching Protocols``.
    """

    __slots__ = (
        "_code",
        "_framing",
        "_given",
        "_length",
        "_method",
        "_version",
        "has_ended",
        "head_sent",
        "headers",
        "keep_alive",
        "may_switch",
        "sent",
        "status",
    )

    def __init__(self, method: str, version: tuple[int, int], *, keep_alive: bool) -> None:
        self._method = method
        self._version = version
        self._framing: _Framing = _NONE
        self._length: int | None = None
        self._code = 0
        self._given: tuple[str, ...] = ()
        self.status: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.sent = 0
        self.head_sent = False
        self.has_ended = False
        self.keep_alive = keep_alive
        self.may_switch = False

    # --- Called by the application ------------------------------------------------------------

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> None:
        """Take the status and the header fields (PEP 3333, "The start_response() Callable").

        Raises:
            ApplicationError: They are malformed, or were given before and ``exc_info`` is not.
            BaseException: The exception of ``exc_info``, when the head was sent before.
        """
        check_call(exc_info, is_started=self.status is not None, is_committed=self.head_sent)
        self._code = code = status_code(status)
        check_final(status, code, may_switch=self.may_switch)
        self._length = None
        self._given = ()
        self.headers = [field for field in headers if self._passes(field)]
        self.status = status

    def _passes(self, field: Any) -> bool:
        """Check and record a header field; return whether it is passed on to the client."""
        check_field(field)
        name, value = field
        special = special_name(name)
        return special is None or self._passes_special(special, value)

    def _passes_special(self, name: str, value: str) -> bool:
        if name == "content-length":
            self._length = length_of(value, self._length)
        elif name in ADDED_BY_SERVERS:
            self._given += (name,)
        elif name == "upgrade" and self._code in (101, 426):
            # They name protocols that may be spoken instead (RFC 9110, 15.2.2 and 15.5.22).
            self._given += (name,)
        else:
            # PEP 3333: the application does not control the connection. Only a request to close
            # it is granted, since that does no harm.
            if name == "connection" and value.lower() == "close":
                self.keep_alive = False
            return False
        return True

    # --- Called by the server -----------------------------------------------------------------

    def head(self, body_length: int | None = None) -> bytes:
        """Encode the head. The response is committed from here on.

        Args:
            body_length: The length of the whole body in bytes if it is known already; it is used
                when the application gave no Content-Length.

        Raises:
            ApplicationError: ``start_response`` was not called, or a field is malformed.
        """
        status = self.status
        if status is None:
            raise ApplicationError(
                "the application returned a response without calling start_response()"
            )
        lines = self._frame(body_length)
        fields = self.headers
        check_values(fields)
        block = "".join([f"{name}: {value}\r\n" for name, value in fields])
        if "upgrade" in self._given:
            lines += "Connection: upgrade\r\n"  # RFC 9110, 7.8: Upgrade needs it
        if self._code == 101:
            pass  # the other protocol decides about the connection
        elif not self.keep_alive:
            lines += "Connection: close\r\n"
        elif self._version == (1, 0):
            lines += "Connection: keep-alive\r\n"
        if "server" not in self._given:
            lines += "Server: gunicorn\r\n"
        if "date" not in self._given:
            lines += date_line()
        self.head_sent = True
        return f"HTTP/1.1 {status}\r\n{block}{lines}\r\n".encode("latin-1")

    def _frame(self, body_length: int | None) -> str:
        """Choose the framing and return the header lines that declare it."""
        method, code = self._method, self._code
        if not has_length(method, code):
            self.headers = [f for f in self.headers if f[0].lower() != "content-length"]
        if not has_body(method, code):
            self._framing = _NONE
        elif self._length is not None:
            self._framing = _LENGTH
        elif body_length is not None:
            self._framing, self._length = _LENGTH, body_length
            return f"Content-Length: {body_length}\r\n"
        elif self._version == (1, 1):
            self._framing = _CHUNKED
            return "Transfer-Encoding: chunked\r\n"
        else:
            self._framing = _CLOSE
            self.keep_alive = False
        return ""

    def encode(self, data: bytes) -> bytes:
        """Frame a part of the body. Bytes beyond the Content-Length are cut off."""
        framing = self._framing
        if framing is _NONE or not data:
            return b""
        if framing is _LENGTH:
            assert self._length is not None
            data = data[: self._length - self.sent]
        self.sent += len(data)
        if framing is _CHUNKED:
            return b"%x\r\n%b\r\n" % (len(data), data)
        return data

    def end(self) -> bytes:
        """Return the bytes that end the body.

        Raises:
            ApplicationError: The body was shorter than its Content-Length. The connection must
                be closed: the client waits for the rest.
        """
        if self._framing is _LENGTH and self.sent != self._length:
            raise ApplicationError(
                f"the body ended after {self.sent} of {self._length} bytes of Content-Length"
            )
        self.has_ended = True
        return b"0\r\n\r\n" if self._framing is _CHUNKED else b""

    @property
    def status_code(self) -> int | None:
        """The three digits of the status as a number, for gunicorn's hooks; None as ``status``."""
        return None if self.status is None else int(self.status[:3])

    @property
    def has_switched(self) -> bool:
        """Whether the client was told that the connection has left HTTP."""
        return self.head_sent and self._code == 101

    @property
    def ends_by_closing(self) -> bool:
        """Whether the end of the connection marks the end of the body."""
        return self._framing is _CLOSE

    @property
    def missing_bytes(self) -> int:
        """How many bytes of the body are still to be sent if its length was declared; else 0."""
        if self._framing is not _LENGTH:
            return 0
        assert self._length is not None
        return self._length - self.sent

    @property
    def needs_body(self) -> bool:
        """Whether any more of the body would reach the client."""
        if self._framing is _LENGTH:
            return self.sent != self._length
        return self._framing is not _NONE


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
    response = Response(method, (1, 1), keep_alive=False)
    response.start(
        f"{status.value} {status.phrase}", [("Content-Type", "text/plain; charset=utf-8")]
    )
    body = f"{detail}\n".encode()
    return response, response.head(len(body)) + response.encode(body) + response.end()
