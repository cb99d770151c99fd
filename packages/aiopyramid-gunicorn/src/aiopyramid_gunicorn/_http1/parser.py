"""Bytes in, requests out: HTTP/1.x parsing by httptools (llhttp), with all leniency off.

Pure: no asyncio, no sockets.
"""

from typing import Final, Protocol

import httptools

from aiopyramid_core.exceptions import BadRequest, RequestError

from ..exceptions import HeaderFieldsTooLarge, TargetTooLong, VersionNotSupported
from .head import RequestHead
from .implementation import WholeRequestReader
from .limits import Limits

__all__ = ("RequestParser", "RequestReceiver")

_VERSIONS: Final = {"1.1": (1, 1), "1.0": (1, 0)}


_NO_HEAD: Final = RequestHead()
"""Before the first request that the whole-request reader does not read."""

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
        "_checked_lines",
        "_fed_bytes",
        "_framing_bytes",
        "_head",
        "_httptools",
        "_in_body",
        "_limits",
        "_lines",
        "_lines_bytes",
        "_pending_bytes",
        "_receiver",
        "_small_bytes",
        "_target",
        "_whole_requests",
        "chunks",
        "in_head",
    )

    def __init__(self, receiver: RequestReceiver, limits: Limits) -> None:
        self._receiver = receiver
        self._limits = limits
        self._head = _NO_HEAD
        self._target = b""
        self.in_head = False
        self.chunks = 0
        self._in_body = False
        # The fields of the head, or of the trailer section after a chunked body, so far.
        self._lines: list[bytes] = []
        self._checked_lines = 0
        self._lines_bytes = 0
        # The bytes fed since the head began, perhaps with some before it. While they are no more
        # than the other number, no field of the head and not the whole head can be too long.
        self._fed_bytes = 0
        self._small_bytes = min(limits.header_field_bytes or limits.head_bytes, limits.head_bytes)
        # Bytes that came with the body and are not part of it: chunk extensions, trailer fields.
        self._framing_bytes = 0
        # The native parser collects a field until it is complete; these bound its memory.
        self._pending_bytes = 0
        self._advanced = False
        self._body_follows = False
        self._whole_requests = WholeRequestReader(
            self._small_bytes, limits.header_fields, limits.request_line_bytes or limits.head_bytes
        )
        self._httptools: httptools.HttpRequestParser | None = None

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
        # After a last request, the other native parser refuses whatever follows.
        if self._head.keep_alive and not (self.in_head or self._in_body):
            whole = self._whole_requests.read(data)
            if whole is not None:
                head, body = whole
                self._receiver.head_received(head)
                if body:
                    self._receiver.body_received(body)
                self._receiver.request_received()
                return b"" if head.upgrade else None
        while (behind := self._feed(data)) is not None:
            if not self._body_follows:
                return behind
            # llhttp stops after the head of a request with Upgrade even if a body follows. That
            # body must not be parsed as the next request, so a new parser is fed a head for it.
            self._continue_with(_framing_of(self._head))
            data = behind
        return None

    def _continue_with(self, framing: str) -> None:
        """Continue within a body with a new native parser, which is fed a head for that body."""
        self._httptools = httptools.HttpRequestParser(self)
        self._body_follows = True
        self._httptools.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n".encode("latin1"))
        self._begin_fields()
        self._body_follows = False

    def skip_in_body(self, missing_bytes: int) -> None:
        """Continue within a body of known length, a part of which was not fed.

        Args:
            missing_bytes: How much of the body is still to be fed; at least 1.
        """
        ending = "" if self._head.keep_alive else "Connection: close\r\n"
        self._continue_with(f"Content-Length: {missing_bytes}\r\n{ending}")

    def _feed(self, data: bytes) -> bytes | None:
        """Feed the native parser; if it stops early, return the bytes after that position."""
        if self._httptools is None:
            self._httptools = httptools.HttpRequestParser(self)
        self._advanced = False
        if self.in_head:
            self._fed_bytes += len(data)
        else:
            self._fed_bytes = len(data)
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
        if self.in_head or self._in_body or not self._advanced:
            self._check_unfinished(len(data))
        return None

    def _check_unfinished(self, fed_bytes: int) -> None:
        """Refuse a request that is not complete yet if what it has sent so far is too long."""
        if self.in_head or self._lines:
            self._check_fields()
        limit_bytes = self._limits.head_bytes
        self._pending_bytes = 0 if self._advanced else self._pending_bytes + fed_bytes
        if self._pending_bytes > limit_bytes:
            raise HeaderFieldsTooLarge(
                f"a part of the request does not end within {limit_bytes} bytes"
                " (the worker's head_limit_bytes)"
            )
        # Short chunks earn no credit: framing bytes that they do not use are not carried over.
        if self._framing_bytes < 0 or not self._in_body:
            self._framing_bytes = 0
        elif self._framing_bytes > limit_bytes:
            raise HeaderFieldsTooLarge(
                f"the chunk extensions and trailer fields exceed {limit_bytes} bytes"
                " (the worker's head_limit_bytes)"
            )

    def close(self) -> None:
        """Break the reference cycles, in which native code takes part."""
        self._httptools = None
        self._whole_requests.close()

    # --- Callbacks of httptools ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a new request."""
        self._advanced = True
        if not self._body_follows:
            self._head = RequestHead()
            self._target = b""
            self._begin_fields()
            self.in_head = True

    def on_url(self, data: bytes) -> None:
        """Append a part of the request target."""
        if self._body_follows:
            return
        self._target += data
        self._check_request_line("", self._target)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one whole header field, or a trailer field after a chunked body."""
        # Checked later, all together: that would cost more here than everything else.
        self._lines.append(b"%b:%b" % (name, value))

    def on_headers_complete(self) -> None:
        """Complete the head and report it."""
        if self._body_follows:
            return
        self._advanced = True
        parser, head = self._httptools, self._head
        assert parser is not None
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise VersionNotSupported(f"HTTP/{version} is not supported, only 1.0 and 1.1 are")
        head.version = _VERSIONS[version]
        head.method = parser.get_method().decode("ascii")
        head.target = self._target.decode("latin1")
        self._check_request_line(head.method, head.target)
        self._check_fields()
        if self._lines:
            head.lines = b"\n".join(self._lines).decode("latin1").split("\n")
        self.in_head = False
        self._in_body = True
        self._framing_bytes = 0
        # RFC 9110, 6.5.1: trailer fields must not be merged into the header section.
        self._begin_fields()
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
            if self._lines:
                self._check_fields()
            self._in_body = False
            self._receiver.request_received()

    # --- Checks -------------------------------------------------------------------------------

    def _begin_fields(self) -> None:
        """Begin with the fields of a head, or with the trailer fields after its body."""
        self._lines = []
        self._checked_lines = 0
        self._lines_bytes = 0

    def _check_fields(self) -> None:
        """Check the fields that have arrived since the last check."""
        lines, limits = self._lines, self._limits
        if len(lines) > limits.header_fields:
            raise HeaderFieldsTooLarge(
                f"more than {limits.header_fields} header fields (limit_request_fields)"
            )
        if self.in_head and self._fed_bytes <= self._small_bytes:
            return
        for line in lines[self._checked_lines :]:
            line_bytes = len(line) + len(" \r\n")
            if 0 < limits.header_field_bytes < line_bytes:
                raise HeaderFieldsTooLarge(
                    f"a header field exceeds {limits.header_field_bytes} bytes"
                    " (limit_request_field_size)"
                )
            name = line.partition(b":")[0]
            if not self.in_head and name.lower() in _NO_TRAILERS:
                raise BadRequest(f"{name!r} cannot be a trailer field (RFC 9110, 6.5.1)")
            self._lines_bytes += line_bytes
        self._checked_lines = len(lines)
        target_bytes = len(self._target) + _REST_OF_LINE_BYTES if self.in_head else 0
        if target_bytes + self._lines_bytes > limits.head_bytes:
            raise HeaderFieldsTooLarge(
                f"the request's head exceeds {limits.head_bytes} bytes"
                " (the worker's head_limit_bytes)"
            )

    def _check_request_line(self, method: str, target: str | bytes) -> None:
        """Refuse a request line that is too long, as far as it has arrived."""
        limit_bytes = self._limits.request_line_bytes
        if 0 < limit_bytes < len(method) + len(target) + _REST_OF_LINE_BYTES:
            raise TargetTooLong(
                f"the request line exceeds {limit_bytes} bytes (limit_request_line)"
            )


def _announces_body(head: RequestHead) -> bool:
    return any(
        name == "transfer-encoding" or (name == "content-length" and value.strip("0"))
        for name, value in ((name.lower(), value) for name, value in head.fields)
    )


def _framing_of(head: RequestHead) -> str:
    """Return the fields of a head that tell where its body ends."""
    framing = [
        f"{name}: {value}\r\n"
        for name, value in head.fields
        if name.lower() in ("transfer-encoding", "content-length")
    ]
    return "".join(framing)
