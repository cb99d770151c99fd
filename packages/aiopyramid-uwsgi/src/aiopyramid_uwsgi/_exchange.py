"""One request and its response: Pyramid on one side, uWSGI on the other.

Two greenlets take part. The calls of uWSGI's API run in its own greenlet, because uWSGI finds the
request by the greenlet and may wait there for the client. The application runs in a greenlet of the
bridge, in which it may await. It need not know that the server is uWSGI.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiopyramid_core.contract import UPGRADE, UpgradedProtocol
from aiopyramid_core.exceptions import ClientDisconnected
from aiopyramid_core.response_head import has_body
from aiopyramid_core.servers import (
    Capabilities,
    HostedCall,
    RequestBody,
    WSGIResponse,
    plain_text,
    report_failure,
    run_application,
)

from . import _api
from ._body import receive_body
from ._scheme import correct_scheme
from ._settings import UWSGISettings
from ._sink import Sink
from ._upgraded import TAKE_OVER, TakenOver, UpgradedConnection

__all__ = ("Exchange", "Register")

_log = logging.getLogger("aiopyramid_uwsgi")

Policy = Callable[[dict[str, Any], Any], Any]
StartResponse = Callable[..., Callable[[bytes], object]]


class Register(Protocol):
    """The register of exchanges, from their beginning to their end."""

    @property
    def is_stopping(self) -> bool:
        """Whether the worker has been told to stop."""

    def remember(self, exchange: "Exchange") -> None:
        """Add an exchange that has begun."""

    def forget(self, exchange: "Exchange") -> None:
        """Remove an exchange that has ended."""


class Exchange:
    """One request and its response; a WSGI application for this one request.

    Args:
        policy: The application's execution policy (Pyramid, "Execution Policies").
        router: The router to pass to it.
        settings: How long the request body may be.
        register: Told of the beginning and the end.

    Attributes:
        descriptor: uWSGI's descriptor of the connection.
    """

    __slots__ = (
        "_call",
        "_environ",
        "_head_given",
        "_policy",
        "_register",
        "_request_body",
        "_router",
        "_settings",
        "_sink",
        "_upgraded",
        "descriptor",
    )

    _environ: dict[str, Any]
    _sink: Sink
    descriptor: int

    def __init__(
        self, policy: Policy, router: Any, settings: UWSGISettings, register: Register
    ) -> None:
        self._policy = policy
        self._router = router
        self._settings = settings
        self._register = register
        self._head_given = False
        self._request_body: RequestBody | None = None
        self._upgraded: TakenOver | None = None
        self._call: HostedCall[None] = HostedCall(self._run)

    # --- In uWSGI's greenlet ------------------------------------------------------------------

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | bytes:
        """Handle the request; raise nothing, because uWSGI would print it and not answer."""
        # A copy, for code that outlives the response, such as a background task: uWSGI clears its
        # own environ after the request, and reuses it for the next.
        environ = self._environ = environ.copy()
        response = WSGIResponse(environ["REQUEST_METHOD"])
        self._sink = Sink(response, Capabilities(asyncio.get_running_loop(), _log))
        self._sink.call = self._call
        self.descriptor = _api.connection_descriptor()
        self._register.remember(self)
        try:
            correct_scheme(environ, self._settings.forwarded_allow_ips, _api.peer_address)
            self._offer_upgrade(environ)
            self._request_body = receive_body(environ, self._settings)
            environ["wsgi.multithread"] = True  # synchronous views run in threads
            for name in _OF_NO_USE:
                environ.pop(name, None)
            has_part = self._call.proceed()
            write = start_response(response.status, _fields(response))
            self._head_given = True
            if response.code == HTTPStatus.SWITCHING_PROTOCOLS:
                write(b"")  # sends the head at once
                self._switch_protocols(write)
        except BaseException as error:
            status = self._report(error)
            self.close()
            return b"" if self._head_given else self._plain(status, start_response)
        return _Parts(self) if has_part else _Whole(self._sink.whole, self.close)

    def next_part(self, *, first: bool) -> bytes | None:
        """Return the next part of the response, or None at its end."""
        try:
            if first or self._call.proceed():
                part: bytes = self._call.part
                return part
        except BaseException as error:
            self._report(error)
            # Otherwise the client could not tell that the response is incomplete.
            _api.reset_connection()
            return None
        return None

    def close(self) -> None:
        """End the application's part: the response is sent, or cannot be sent."""
        try:
            gone = ClientDisconnected("the client closed the connection before the response's end")
            while self._call.has_begun and not self._call.has_ended:
                self._call.proceed(gone)
        except BaseException as error:
            self._report(error)
        finally:
            # First, in case a later step fails: the worker would wait for it on shutdown.
            self._register.forget(self)
            for name in (UPGRADE, TAKE_OVER):  # breaks the cycle environ -> exchange -> environ
                self._environ.pop(name, None)
            self._sink.capabilities.forget()
            self._release()

    def _release(self) -> None:
        """Release the resources of the request."""
        try:
            if self._upgraded is not None:
                self._upgraded.abandon()
        except Exception:
            _log.exception("%s: the protocol for the upgraded connection failed", self.name)
        if self._request_body is not None:
            self._request_body.close()

    def _offer_upgrade(self, environ: dict[str, Any]) -> None:
        """Tell the application whether the connection can leave HTTP."""
        has_body = environ.get("CONTENT_LENGTH", "") not in ("", "0")
        may = "HTTP_UPGRADE" in environ and not has_body and "HTTP_TRANSFER_ENCODING" not in environ
        environ[TAKE_OVER] = self._take_over if may else None
        if not _api.speaks_tls(environ):
            environ[UPGRADE] = self._upgrade if may else None

    def _switch_protocols(self, write: Callable[[bytes], object]) -> None:
        """Hand the connection to another protocol, and wait until the connection is gone."""
        assert self._upgraded is not None  # otherwise the status was refused
        if self._register.is_stopping:
            asyncio.get_running_loop().call_soon(self.stop)
        self._upgraded.serve(write)

    def _report(self, error: BaseException) -> HTTPStatus:
        """Log an exception; return the status with which to answer it."""
        return report_failure(error, self.name, _log) or HTTPStatus.INTERNAL_SERVER_ERROR

    def _plain(self, status: HTTPStatus, start_response: StartResponse) -> bytes:
        """Answer with an error."""
        line, fields, body = plain_text(status)
        start_response(line, fields)
        return body if has_body(self._environ["REQUEST_METHOD"], status) else b""

    # --- On the event loop --------------------------------------------------------------------

    def stop(self) -> None:
        """Tell an upgraded connection, which does not end by itself, that the worker stops."""
        if self._upgraded is not None:
            self._upgraded.server_stops()

    def cancel(self) -> None:
        """Abort, because the time for requests in progress is over."""
        if self._upgraded is not None:
            self._upgraded.abort()
        self._call.cancel()

    def _upgrade(self, protocol: UpgradedProtocol) -> None:
        self._take_over(protocol, UpgradedConnection(protocol))

    def _take_over(self, protocol: UpgradedProtocol, connection: TakenOver) -> None:
        self._sink.capabilities.upgrade(protocol)
        self._upgraded = connection

    @property
    def name(self) -> str:
        """The name of the request in the log."""
        return f"{self._environ.get('REQUEST_METHOD')} {self._environ.get('REQUEST_URI')}"

    # --- In the greenlet of the bridge --------------------------------------------------------

    def _run(self) -> None:
        run_application(self._application, self._environ, self._sink)

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = self._policy(environ, self._router)
        body: Iterable[bytes] = response(environ, start_response)
        return body


def _fields(response: WSGIResponse) -> list[tuple[str, str]]:
    """Return the header fields for uWSGI, which adds none itself."""
    if "upgrade" in response.given:
        return [*response.headers, ("Connection", "Upgrade")]  # RFC 9110, 7.8: Upgrade needs it
    return response.headers


_OF_NO_USE: Final = (
    # It works only in uWSGI's greenlet; files are read in threads.
    "wsgi.file_wrapper",
    # uWSGI's other way of waiting, which is incompatible with our greenlets.
    "x-wsgiorg.fdevent.readable",
    "x-wsgiorg.fdevent.writable",
)


class _Whole(bytes):
    """A complete body; uWSGI sends bytes at once, and iterates over any other body.

    Each step of the iteration would take an iteration of the event loop.
    """

    def __new__(cls, body: bytes, close: Callable[[], None]) -> "_Whole":
        self = super().__new__(cls, body)
        self.close = close
        return self

    close: Callable[[], None]

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        # With --wsgi-strict uWSGI accepts only iterables.
        return iter((bytes(self),))


class _Parts:
    """A body that is produced in parts, as uWSGI requests them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._first = True
        self.close = exchange.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, False
        part = self._exchange.next_part(first=first)
        if part is None:
            raise StopIteration
        return part
