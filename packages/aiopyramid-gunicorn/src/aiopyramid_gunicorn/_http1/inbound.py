"""The requests that come in on one connection: bytes in, requests out.

Pure: no asyncio, no transport. A client may send requests before the earlier ones are answered
(pipelining), so there may be several complete requests at a time, and one that is still growing.
"""

from collections import deque
from typing import Any, Final

from aiopyramid_core.exceptions import RequestError
from aiopyramid_core.servers import LiveBody, RequestBody

from ..exceptions import ExpectationFailed, ForbiddenProxy
from .environ import EnvironSettings
from .head import RequestHead
from .implementation import build_environ
from .limits import Limits
from .parser import RequestParser
from .peers import Address
from .proxy_protocol import ProxyHeaderReader
from .request import Request

__all__ = ("Inbound",)

_REQUEST_EFFORT: Final = 20
"""The head of a request, with its environ, takes at least so many times as long as a chunk."""


class Inbound:
    """Collects the requests of one connection.

    Args:
        environ: The environ entries that all requests of the connection share; those of a PROXY
            header are added.
        settings: The worker's settings for environs.
        limits: How much the client may send.
        peer: The address of the client.
        proxy_header: Reads the PROXY header that comes before the first request, or None.

    Attributes:
        waiting: Complete requests, the oldest first.
        growing: The request whose head is complete and whose body is not, or None.
        refusal: Why nothing more is read, after the client has sent something unacceptable; None
            before that. The requests before it are still to be answered.
        behind_upgrade: The bytes that the client has sent after a request that asks to leave HTTP;
            None if there is no such request.
    """

    __slots__ = (
        "_environ",
        "_has_bypassed",
        "_limits",
        "_no_body",
        "_parser",
        "_peer",
        "_proxy_header",
        "_requests",
        "_settings",
        "_trusted",
        "behind_upgrade",
        "growing",
        "refusal",
        "waiting",
    )

    def __init__(
        self,
        environ: dict[str, Any],
        settings: EnvironSettings,
        limits: Limits,
        peer: Address,
        proxy_header: ProxyHeaderReader | None = None,
    ) -> None:
        self._environ = environ
        self._settings = settings
        self._limits = limits
        self._trusted = settings.trusts(peer)
        self._peer = peer
        self._proxy_header = proxy_header
        self._parser = RequestParser(self, limits)
        self._has_bypassed = False
        self._requests = 0
        self._no_body = RequestBody(limits)
        self.waiting: deque[Request] = deque()
        self.growing: Request | None = None
        self.refusal: RequestError | None = None
        self.behind_upgrade: bytes | None = None

    def feed(self, data: bytes) -> None:
        """Parse data that the client has sent."""
        if self.refusal is not None:
            return
        if self.behind_upgrade is not None:
            self.behind_upgrade += data
            return
        if self._has_bypassed:
            self._has_bypassed = False
            self._parser.skip_in_body(self.plain_bytes)
        try:
            rest = data if self._proxy_header is None else self._read_proxy_header(data)
            if rest is not None:
                self.behind_upgrade = self._parser.feed(rest)
        except RequestError as error:
            self._refuse(error)

    def feed_body(self, data: bytes) -> None:
        """Add data after which some of a body of known length is missing.

        It bypasses the parser, which would copy it.

        Args:
            data: Less than ``plain_bytes``.
        """
        assert self.growing is not None
        if self.refusal is None:
            self._has_bypassed = True
            try:
                self.growing.body.write(data)
            except RequestError as error:
                self._refuse(error)

    def _refuse(self, error: RequestError) -> None:
        self.refusal = error
        if (live := self.live_body) is not None:
            live.fail(error)

    def decline_upgrade(self) -> None:
        """Continue as HTTP with the bytes after a request that asked to leave HTTP."""
        data, self.behind_upgrade = self.behind_upgrade, None
        self._parser.close()
        self._parser = RequestParser(self, self._limits)
        if data:
            self.feed(data)

    @property
    def is_ahead(self) -> bool:
        """Whether the client has to wait: for an answer, or until the application has read more."""
        return (
            bool(self.waiting)
            or self.behind_upgrade is not None
            or self.refusal is not None
            or (self.growing is not None and self.growing.body.is_full)
        )

    @property
    def live_body(self) -> LiveBody | None:
        """The body that is arriving if the application reads it already, otherwise None."""
        body = None if self.growing is None else self.growing.body
        return body if isinstance(body, LiveBody) else None

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing has arrived but the requests that were handled."""
        return not (
            self.waiting
            or self._parser.in_head
            or self.growing is not None
            or self.refusal is not None
            or self.behind_upgrade is not None
            or self._proxy_header is not None
        )

    @property
    def effort(self) -> int:
        """How much there was to parse so far, in units of about a microsecond."""
        return _REQUEST_EFFORT * self._requests + self._parser.chunks

    @property
    def in_head(self) -> bool:
        """Whether the head of a request has begun to arrive and is not complete."""
        return self._parser.in_head

    @property
    def is_receiving(self) -> bool:
        """Whether a request or PROXY header has begun to arrive and is not complete."""
        return self._parser.in_head or self.growing is not None or self._proxy_header is not None

    @property
    def plain_bytes(self) -> int:
        """How many of the next bytes need no parsing, as part of a body of known length."""
        return 0 if self.growing is None else self.growing.body.missing_bytes

    def take_continue(self) -> bool:
        """Return, once, whether the client now waits for ``100 Continue``."""
        request = self.growing
        if request is None or not request.expects_continue or self.waiting:
            return False
        request.expects_continue = False
        return True

    def close(self) -> None:
        """Forget everything; temporary files are deleted."""
        self._parser.close()
        for request in (self.growing, *self.waiting):
            if request is not None:
                request.body.close()
        self.waiting.clear()
        self._environ = {}

    def _read_proxy_header(self, data: bytes) -> bytes | None:
        """Return the bytes after the PROXY header, or None while that is not complete."""
        assert self._proxy_header is not None
        read = self._proxy_header.feed(data)
        if read is None:
            return None
        self._proxy_header = None
        header, rest = read
        if header is not None:
            if not self._settings.lets_proxy(self._peer):
                raise ForbiddenProxy("the peer is not in proxy_allow_ips")
            self._environ |= header.environ()
        return rest

    # --- Called by the parser -----------------------------------------------------------------

    def head_received(self, head: RequestHead) -> None:
        """Build the environ of a request whose head is complete."""
        self._requests += 1
        if head.method == "CONNECT":
            # After it comes the data that the client wants to tunnel (RFC 9110, 9.3.6).
            head.keep_alive = False
        environ = build_environ(head, self._environ, self._settings, trusted=self._trusted)
        has_length = "CONTENT_LENGTH" in environ
        has_body = has_length or "HTTP_TRANSFER_ENCODING" in environ
        body = RequestBody(self._limits) if has_body else self._no_body
        request = self.growing = Request(head, environ, body)
        if has_length:
            body.announce(int(environ["CONTENT_LENGTH"]))
        if "HTTP_EXPECT" in environ and head.version == (1, 1):
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise ExpectationFailed("the only supported Expect value is 100-continue")
            request.expects_continue = True

    def body_received(self, data: bytes) -> None:
        """Add a part of the request's body."""
        assert self.growing is not None
        self.growing.body.write(data)

    def request_received(self) -> None:
        """Add the request, which is complete, to those that wait to be answered."""
        assert self.growing is not None
        if self.growing.has_begun:
            self.growing.body.end()
        else:
            self.waiting.append(self.growing)
        self.growing = None
