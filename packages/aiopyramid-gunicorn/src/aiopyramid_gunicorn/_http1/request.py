"""A request on its way from the parser to the application, and in the form gunicorn uses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiopyramid_core.servers import BodyLimits, LiveBody, RequestBody

from .head import RequestHead

__all__ = ("GunicornRequest", "Request")


@dataclass(slots=True)
class Request:
    """A request on its way from the parser to the application.

    Attributes:
        head: Its head.
        environ: Its environ.
        body: Its body so far.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
        may_begin: Whether it is still to be decided if the application begins before the body is
            complete.
        has_begun: Whether the application has.
    """

    head: RequestHead
    environ: dict[str, Any]
    body: RequestBody | LiveBody
    expects_continue: bool = False
    may_begin: bool = True
    has_begun: bool = False

    def begin(self, longest_wait: Callable[[int, float], float], limits: BodyLimits) -> LiveBody:
        """Let the application begin before the body is complete.

        Args:
            longest_wait: See :class:`~aiopyramid_core.servers.LiveBody`.
            limits: How long the body may be.

        Returns:
            The body from now on.
        """
        stored = self.body
        assert isinstance(stored, RequestBody)  # it has not begun
        with stored.open() as file:
            live = LiveBody(limits, file.read(), stored.missing_bytes, longest_wait)
        self.body = live
        self.has_begun = True
        return live


@dataclass(slots=True)
class GunicornRequest:
    """A request for gunicorn's access logger and its ``pre_request`` and ``post_request`` hooks.

    Attributes:
        method: For example ``"GET"``.
        uri: The request target as the client sent it.
        path: The path, still percent-encoded.
        query: The query string.
        version: ``(1, 0)`` or ``(1, 1)``.
        headers: Names in upper case and values.
        scheme: ``"http"`` or ``"https"``.
        peer_addr: Address and port of the client; an empty string on a Unix socket.
        fragment: Always empty: a request with a fragment is refused.
        trailers: Always empty: trailers are dropped.
    """

    method: str = "-"
    uri: str = "-"
    path: str = "-"
    query: str = ""
    version: tuple[int, int] = (1, 1)
    headers: list[tuple[str, str]] = field(default_factory=list)
    scheme: str = "http"
    peer_addr: tuple[str, int] | str = ""
    fragment: str = ""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, head: RequestHead, environ: dict[str, Any]) -> "GunicornRequest":
        """Return a request in the form that gunicorn uses."""
        uri, address = environ["RAW_URI"], environ["REMOTE_ADDR"]
        return cls(
            method=head.method,
            uri=uri,
            path=uri.partition("?")[0] if uri[:1] == "/" else urlsplit(uri).path,
            query=environ["QUERY_STRING"],
            version=head.version,
            headers=[(name.upper(), value) for name, value in head.fields],
            scheme=environ["wsgi.url_scheme"],
            peer_addr=(address, int(environ["REMOTE_PORT"])) if address else "",
        )
