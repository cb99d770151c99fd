"""Bytes in, requests out: HTTP/1.x parsing by httptools (llhttp), with all leniency off.

Pure: no asyncio, no sockets.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

import httptools

from aiopyramid_core.exceptions import BadRequest, RequestError

from ..exceptions import HeaderFieldsTooLarge, TargetTooLong, VersionNotSupported
from .limits import Limits

__all__ = ("RequestHead", "RequestParser", "RequestReceiver")

_VERSIONS: Final = {"1.1": (1, 1), "1.0": (1, 0)}


_REST_OF_LINE_BYTES: Final = len("  HTTP/1.1")

_CHUNK_FRAMING_BYTES: Final = 16 + 2 * len("\r\n")
"""Maximum number of bytes that a chunk without extensions takes in addition to its data."""

_NO_TRAILERS: Final = frozenset(
    b"authorization connection content-length host keep-alive proxy-authorization te trailer"
    b" transfer-encoding upgrade".split()
)
"""Fields for framing, routing and authentication. Trailers are dropped anyway, but a client that
sends these as trailers may hope that a server merges them into the head. Others, such as
Content-Type, do no harm."""


@dataclass(slots=True)
class RequestHead:
    """The request line and header fields of one request, as the client sent them.

    Attributes:
        method: For example ``"GET"``.
        target: The request target (RFC 9112, 3.2), still percent-encoded.
        version: ``(1, 0)`` or ``(1, 1)``.
        headers: Name and value of each field in order, without surrounding whitespace.
        keep_alive: Whether the client allows the connection to be reused (RFC 9112, 9.3).
        upgrade: Whether the client asks to leave HTTP after this request: an ``Upgrade`` that
            ``Connection`` names, or ``CONNECT``.
    """

    method: str = ""
    target: bytes = b""
    version: tuple[int, int] = (1, 1)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    keep_alive: bool = True
    upgrade: bool = False


class RequestReceiver(Protocol):
    """The receiver of a parser's events. An exception raised here ends parsing and is passed on."""

    def head_received(self, head: RequestHead) -> None:
        """Receive the complete head of a request; its body follows, if any."""

    def body_received(self, data: bytes) -> None:
        """Receive a part of the request's body, without chunked framing."""

    def request_received(self) -> None:
        """Receive the end of the request."""


class RequestParser:
    """Parses the requests of one connection.

    Args:
        receiver: Receives the requests.
        limits: Bounds on the head; the receiver bounds the body.

    Attributes:
        chunks: How many chunks of bodies have begun so far.
        in_head: Whether a request has begun whose head is not complete yet.
    """

    __slots__ = (
        "_advanced",
        "_body_follows",
        "_fields_bytes",
        "_framing_bytes",
        "_head",
        "_httptools",
        "_in_body",
        "_limits",
        "_pending_bytes",
        "_receiver",
        "_trailer_fields",
        "chunks",
        "in_head",
    )

    def __init__(self, receiver: RequestReceiver, limits: Limits) -> None:
        self._receiver = receiver
        self._limits = limits
        self._head = RequestHead()
        self.in_head = False
        self.chunks = 0
        self._in_body = False
        self._fields_bytes = 0
        # Bytes that came with the body and are not part of it: chunk extensions, trailer fields.
        self._framing_bytes = 0
        # The native parser collects a field until it is complete; these bound its memory.
        self._pending_bytes = 0
        self._advanced = False
        self._trailer_fields = 0
        self._body_follows = False
        self._httptools = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> bytes | None:
        """Parse data that has arrived.

        Args:
            data: Bytes from the connection.

        Returns:
            None; or, when a request that asks to leave HTTP is complete, the bytes after it.
            They are HTTP again if the upgrade is declined: feed them to a new parser then.

        Raises:
            RequestError: The bytes are not a valid request, or exceed the limits. Nothing more can
                be parsed from this connection.
        """
        while (behind := self._feed(data)) is not None:
            if not self._body_follows:
                return behind
            # llhttp stops after the head of a request with Upgrade even if a body follows. That
            # body must not be parsed as the next request, so a new parser is fed a head for it.
            self._httptools = httptools.HttpRequestParser(self)
            self._httptools.feed_data(_head_for_body_of(self._head))
            self._body_follows = False
            data = behind
        return None

    def _feed(self, data: bytes) -> bytes | None:
        """Feed the native parser; if it stops early, return the bytes after that position."""
        self._advanced = False
        if self._in_body:
            self._framing_bytes += len(data)
        try:
            self._httptools.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, RequestError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from None
        if self._advanced:
            self._pending_bytes = 0
        else:
            self._pending_bytes += len(data)
            if self._pending_bytes > self._limits.head_bytes:
                raise HeaderFieldsTooLarge(
                    f"a part of the request does not end within {self._limits.head_bytes} bytes"
                    " (the worker's head_limit_bytes)"
                )
        # Short chunks earn no credit: framing bytes that they do not use are not carried over.
        self._framing_bytes = max(0, self._framing_bytes) if self._in_body else 0
        if self._framing_bytes > self._limits.head_bytes:
            raise HeaderFieldsTooLarge(
                f"the chunk extensions and trailer fields exceed {self._limits.head_bytes} bytes"
                " (the worker's head_limit_bytes)"
            )
        return None

    def close(self) -> None:
        """Break the reference cycle with the native parser, which cannot be used afterwards."""
        del self._httptools

    # --- Callbacks of httptools ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a new request."""
        self._advanced = True
        if not self._body_follows:
            self._head = RequestHead()
            self.in_head = True
            self._trailer_fields = 0
            self._fields_bytes = 0

    def on_url(self, data: bytes) -> None:
        """Append a part of the request target."""
        if self._body_follows:
            return
        self._head.target += data
        self._check_request_line()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one whole header field, or check a trailer field after a chunked body."""
        if self._body_follows:
            return
        limits = self._limits
        headers = self._head.headers
        if not self.in_head:
            self._trailer_fields += 1
            if name.lower() in _NO_TRAILERS:
                raise BadRequest(f"{name!r} cannot be a trailer field (RFC 9110, 6.5.1)")
        if (len(headers) if self.in_head else self._trailer_fields) >= limits.header_fields:
            raise HeaderFieldsTooLarge(
                f"more than {limits.header_fields} header fields (limit_request_fields)"
            )
        if 0 < limits.header_field_bytes < len(name) + len(value) + 4:
            raise HeaderFieldsTooLarge(
                f"a header field exceeds {limits.header_field_bytes} bytes"
                " (limit_request_field_size)"
            )
        self._fields_bytes += len(name) + len(value) + 4
        line_bytes = len(self._head.target) + _REST_OF_LINE_BYTES if self.in_head else 0
        if line_bytes + self._fields_bytes > limits.head_bytes:
            raise HeaderFieldsTooLarge(
                f"the request's head exceeds {limits.head_bytes} bytes"
                " (the worker's head_limit_bytes)"
            )
        # RFC 9110, 6.5.1: trailer fields must not be merged into the header section.
        if self.in_head:
            # llhttp strips only the whitespace before the value.
            headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Complete the head and report it."""
        if self._body_follows:
            return
        self.in_head = False
        self._in_body = True
        self._fields_bytes = 0
        self._framing_bytes = 0
        self._advanced = True
        parser, head = self._httptools, self._head
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise VersionNotSupported(f"HTTP/{version} is not supported, only 1.0 and 1.1 are")
        head.version = _VERSIONS[version]
        head.method = parser.get_method().decode("ascii")
        self._check_request_line()
        head.keep_alive = parser.should_keep_alive()
        if parser.should_upgrade():
            # An upgrade may be ignored (RFC 9110, 7.8), and is ignored if there is a body.
            self._body_follows = head.method != "CONNECT" and _announces_body(head)
            head.upgrade = not self._body_follows
        self._receiver.head_received(head)

    def on_chunk_header(self) -> None:
        """Count the framing of a chunk whose size is complete."""
        self._advanced = True
        self.chunks += 1
        self._framing_bytes -= _CHUNK_FRAMING_BYTES

    def on_body(self, data: bytes) -> None:
        """Report a part of the body."""
        self._advanced = True
        self._framing_bytes -= len(data)
        self._receiver.body_received(data)

    def on_message_complete(self) -> None:
        """Report the end of the request."""
        self._advanced = True
        if not self._body_follows:
            self._in_body = False
            self._receiver.request_received()

    def _check_request_line(self) -> None:
        """Refuse a request line that is too long, as far as it has arrived."""
        head, limit_bytes = self._head, self._limits.request_line_bytes
        if 0 < limit_bytes < len(head.method) + len(head.target) + _REST_OF_LINE_BYTES:
            raise TargetTooLong(
                f"the request line exceeds {limit_bytes} bytes (limit_request_line)"
            )


def _announces_body(head: RequestHead) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in ((name.lower(), value) for name, value in head.headers)
    )


def _head_for_body_of(head: RequestHead) -> bytes:
    """Return the smallest head that is followed by the same body."""
    framing = [
        b"%b: %b\r\n" % field
        for field in head.headers
        if field[0].lower() in (b"transfer-encoding", b"content-length")
    ]
    return b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing)
