"""One request through the application: Pyramid on one side, uWSGI on the other.

Two greenlets take part. The calls of uWSGI's API run in its own greenlet, because uWSGI finds the
request by the greenlet and may wait there for the client. The application runs in a greenlet of the
bridge, in which it may await. It need not know that the server is uWSGI.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any, Final, Protocol

from aiopyramid_core import await_
from aiopyramid_core._bodies import END_OF_BODY, SynchronousBody
from aiopyramid_core.contract import UPGRADE, UpgradedProtocol
from aiopyramid_core.exceptions import ApplicationError, ClientDisconnected, RequestError
from aiopyramid_core.response_head import has_body
from aiopyramid_core.servers import HostedCall

from . import _api
from ._body import receive_body
from ._response import Response
from ._scheme import correct_scheme
from ._settings import UWSGISettings
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
        "_policy",
        "_register",
        "_request_body",
        "_response",
        "_router",
        "_settings",
        "_upgraded",
        "descriptor",
    )

    _environ: dict[str, Any]
    _response: Response
    descriptor: int

    def __init__(
        self, policy: Policy, router: Any, settings: UWSGISettings, register: Register
    ) -> None:
        self._policy = policy
        self._router = router
        self._settings = settings
        self._register = register
        self._request_body: IO[bytes] | None = None
        self._upgraded: TakenOver | None = None
        self._call: HostedCall[bytes] = HostedCall(self._run)

    # --- In uWSGI's greenlet ------------------------------------------------------------------

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes] | bytes:
        """Handle the request; raise nothing, because uWSGI would print it and not answer."""
        # A copy, for code that outlives the response, such as a background task: uWSGI clears its
        # own environ after the request, and reuses it for the next.
        environ = self._environ = environ.copy()
        response = self._response = Response(environ["REQUEST_METHOD"])
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
            status_line = self._check_started()
            if not has_part:
                response.check_end()
            write = start_response(status_line, response.fields)
            response.is_committed = True
            if response.code == HTTPStatus.SWITCHING_PROTOCOLS:
                write(b"")  # sends the head at once
                self._switch_protocols(write)
        except BaseException as error:
            status = self._status_for(error)
            self.close()
            return b"" if response.is_committed else self._plain(status, start_response)
        return _Parts(self) if has_part else _Whole(self._call.result, self.close)

    def next_part(self, *, first: bool) -> bytes | None:
        """Return the next part of the response, or None at its end."""
        try:
            if first or self._call.proceed():
                part: bytes = self._call.part
                return part
        except BaseException as error:
            self._status_for(error)
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
        except ClientDisconnected as error:
            _log.debug("%s: %s", self.name, error)
        except BaseException as error:
            self._status_for(error)
        finally:
            # First, in case a later step fails: the worker would wait for it on shutdown.
            self._register.forget(self)
            for name in (UPGRADE, TAKE_OVER):  # breaks the cycle environ -> exchange -> environ
                self._environ.pop(name, None)
            self._release()

    def _release(self) -> None:
        """Release the resources of the request."""
        try:
            if self._upgraded is not None:
                self._upgraded.abandon()
        except Exception:
            _log.exception("%s: the protocol for the upgraded connection failed", self.name)
        if self._request_body is not None:
            # Data that is not written yet will not be read, so an error for it does not matter.
            with contextlib.suppress(OSError):
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

    def _plain(self, status: HTTPStatus, start_response: StartResponse) -> bytes:
        """Answer with an error."""
        body = f"{status.phrase}\n".encode()
        fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", fields)
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
        self._take_over(UpgradedConnection(protocol))

    def _take_over(self, connection: TakenOver) -> None:
        self._upgraded = connection

    # --- Everywhere ---------------------------------------------------------------------------

    def _check_started(self) -> str:
        """Return the response's status.

        Raises:
            ApplicationError: There is none yet.
        """
        if self._response.status is None:
            raise ApplicationError("the application has not called start_response")
        return self._response.status

    @property
    def name(self) -> str:
        """The name of the request in the log."""
        return f"{self._environ.get('REQUEST_METHOD')} {self._environ.get('REQUEST_URI')}"

    def _status_for(self, error: BaseException) -> HTTPStatus:
        """Log an exception; return the status with which to answer it."""
        if isinstance(error, RequestError):
            _log.warning("%s: %s", self.name, error)
            return error.status
        if isinstance(error, asyncio.CancelledError):
            _log.warning("%s was cancelled before its response was complete", self.name)
            return HTTPStatus.SERVICE_UNAVAILABLE
        # Also SystemExit and KeyboardInterrupt: sys.exit() in a view must not end the worker,
        # which serves other requests as well.
        _log.error("Error handling request %s", self.name, exc_info=error)
        return HTTPStatus.INTERNAL_SERVER_ERROR

    # --- In the greenlet of the bridge --------------------------------------------------------

    def _run(self) -> bytes:
        """Run the application; return the body if it is complete, otherwise hand it over."""
        response = self._policy(self._environ, self._router)
        body: Any = response(self._environ, self._start_response)
        if type(body) is list or type(body) is tuple:
            whole = b"".join(body)
            if not self._response.is_committed:
                return self._response.cut(whole)
            self._hand_over(whole)  # after the data from the write() callable
        elif hasattr(body, "__aiter__"):
            await_(self._give_parts(body))
        else:
            parts = SynchronousBody(body)
            try:
                while self._is_wanted and (part := parts.next()) is not END_OF_BODY:
                    self._hand_over(part)
            finally:
                await_(parts.close())
        self._response.check_end()
        return b""

    @property
    def _is_wanted(self) -> bool:
        """Whether the application has to continue, to send more or to start its response."""
        return self._response.status is None or self._response.needs_body

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        try:
            may_switch = self._upgraded is not None
            self._response.start(status, headers, exc_info, may_switch=may_switch)
        finally:
            del exc_info  # breaks the cycle exception -> traceback -> this frame
        return self._hand_over

    async def _give_parts(self, body: AsyncIterable[bytes]) -> None:
        iterator: Any = None
        try:
            iterator = aiter(body)
            while self._is_wanted:
                part = await anext(iterator, END_OF_BODY)
                if part is END_OF_BODY:
                    break
                if part := self._checked(part):
                    await self._call.give(part)
        finally:
            # As PEP 3333 requires for synchronous bodies, the object that the application returned
            # is closed, not its iterator. An asynchronous generator is both.
            closable = body if hasattr(body, "aclose") else iterator
            if hasattr(closable, "aclose"):
                await closable.aclose()

    def _hand_over(self, part: bytes) -> None:
        if part := self._checked(part):
            self._call.hand_over(part)

    def _checked(self, part: Any) -> bytes:
        """Return the bytes that uWSGI should send of a part of the body."""
        self._check_started()
        if type(part) is not bytes:
            raise ApplicationError(
                f"the response body must yield bytes (PEP 3333), got {type(part).__name__}"
            )
        return self._response.cut(part)


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
