"""One request through the application: Pyramid on the one side, uWSGI on the other.

Two greenlets take part. In uWSGI's own run the calls of its API: it finds the request by the
greenlet, and may wait there for the client. In one of the bridge runs the application, which may
await. Nothing in the application needs to know that this is uWSGI.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any, Final, Protocol

from aiopyramid_core import await_
from aiopyramid_core._bodies import END_OF_BODY, OrdinaryBody
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
    """Where exchanges are known from their beginning to their end."""

    @property
    def is_stopping(self) -> bool:
        """Whether the worker has been told to stop."""

    def remember(self, exchange: "Exchange") -> None:
        """An exchange has begun."""

    def forget(self, exchange: "Exchange") -> None:
        """An exchange has ended."""


class Exchange:
    """One request and its response; a WSGI application for this one request.

    Args:
        policy: The application's execution policy (Pyramid, "Execution Policies").
        router: What to pass to it.
        settings: How long the request body may be.
        register: Told of the beginning and the end.

    Attributes:
        descriptor: That of the connection, as uWSGI has it.
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
        """Handle the request; raises nothing, as uWSGI would print it and answer nothing."""
        # A copy, for what outlives the response, such as a background task: uWSGI empties its own
        # behind the request, and fills it for the next.
        environ = self._environ = environ.copy()
        response = self._response = Response(environ["REQUEST_METHOD"])
        self.descriptor = _api.connection_descriptor()
        self._register.remember(self)
        try:
            correct_scheme(environ, self._settings.forwarded_allow_ips, _api.peer_address)
            self._offer_upgrade(environ)
            self._request_body = receive_body(environ, self._settings)
            environ["wsgi.multithread"] = True  # ordinary views run in threads
            for name in _OF_NO_USE:
                environ.pop(name, None)
            has_part = self._call.proceed()
            status_line = self._check_started()
            if not has_part:
                response.check_end()
            write = start_response(status_line, response.fields)
            response.is_committed = True
            if response.code == HTTPStatus.SWITCHING_PROTOCOLS:
                write(b"")  # the head, without more ado
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
            # Or else the client could not tell that the response is incomplete.
            _api.reset_connection()
            return None
        return None

    def close(self) -> None:
        """The response is sent, or cannot be: end what is left of the application's part."""
        try:
            gone = ClientDisconnected("the client closed the connection before the response's end")
            while self._call.has_begun and not self._call.has_ended:
                self._call.proceed(gone)
        except ClientDisconnected as error:
            _log.debug("%s: %s", self.name, error)
        except BaseException as error:
            self._status_for(error)
        finally:
            # First, whatever the others do: the worker would wait for it in the end.
            self._register.forget(self)
            for name in (UPGRADE, TAKE_OVER):  # breaks the cycle environ -> exchange -> environ
                self._environ.pop(name, None)
            self._release()

    def _release(self) -> None:
        """Let go of what the request has used."""
        try:
            if self._upgraded is not None:
                self._upgraded.abandon()
        except Exception:
            _log.exception("%s: the protocol that was to have the connection failed", self.name)
        if self._request_body is not None:
            # What is not written yet nobody will read: a full disk is no news.
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
        """Let another protocol have the connection, and wait until it is gone."""
        assert self._upgraded is not None  # or else the status was refused
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
        """The worker stops: tell a client who is not going to end by itself."""
        if self._upgraded is not None:
            self._upgraded.server_stops()

    def cancel(self) -> None:
        """The worker's patience has ended: break off."""
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
        """What the log calls it."""
        return f"{self._environ.get('REQUEST_METHOD')} {self._environ.get('REQUEST_URI')}"

    def _status_for(self, error: BaseException) -> HTTPStatus:
        """Log what was raised; return the status that answers it."""
        if isinstance(error, RequestError):
            _log.warning("%s: %s", self.name, error)
            return error.status
        if isinstance(error, asyncio.CancelledError):
            _log.warning("%s was cancelled before its response was complete", self.name)
            return HTTPStatus.SERVICE_UNAVAILABLE
        # SystemExit and the like as well: sys.exit() in a view is no reason to end the worker,
        # which serves others as well.
        _log.error("Error handling request %s", self.name, exc_info=error)
        return HTTPStatus.INTERNAL_SERVER_ERROR

    # --- In the greenlet of the bridge --------------------------------------------------------

    def _run(self) -> bytes:
        """Run the application; return the body if it is there at once, or else hand it over."""
        response = self._policy(self._environ, self._router)
        body: Any = response(self._environ, self._start_response)
        if type(body) is list or type(body) is tuple:
            whole = b"".join(body)
            if not self._response.is_committed:
                return self._response.cut(whole)
            self._hand_over(whole)  # behind what came by way of the write() callable
        elif hasattr(body, "__aiter__"):
            await_(self._give_parts(body))
        else:
            parts = OrdinaryBody(body)
            try:
                while self._is_wanted and (part := parts.next()) is not END_OF_BODY:
                    self._hand_over(part)
            finally:
                await_(parts.close())
        self._response.check_end()
        return b""

    @property
    def _is_wanted(self) -> bool:
        """Whether the application has to go on, to send more or to start its response."""
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
            # As PEP 3333 has it for ordinary bodies, it is for what the application returned to
            # close what it iterates. An asynchronous generator is both.
            closable = body if hasattr(body, "aclose") else iterator
            if hasattr(closable, "aclose"):
                await closable.aclose()

    def _hand_over(self, part: bytes) -> None:
        if part := self._checked(part):
            self._call.hand_over(part)

    def _checked(self, part: Any) -> bytes:
        """Return what uWSGI is to send of a part of the body."""
        self._check_started()
        if type(part) is not bytes:
            raise ApplicationError(
                f"the response body yielded {type(part).__name__}, where PEP 3333 wants bytes"
            )
        return self._response.cut(part)


_OF_NO_USE: Final = (
    # It works in uWSGI's greenlet only; files are read in threads.
    "wsgi.file_wrapper",
    # uWSGI's other way of waiting, which does not go with greenlets of ours.
    "x-wsgiorg.fdevent.readable",
    "x-wsgiorg.fdevent.writable",
)


class _Whole(bytes):
    """A body that is there at once; uWSGI sends bytes at one go, and iterates any other body.

    Each step of an iteration is a turn of the event loop.
    """

    def __new__(cls, body: bytes, close: Callable[[], None]) -> "_Whole":
        self = super().__new__(cls, body)
        self.close = close
        return self

    close: Callable[[], None]

    def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
        # With --wsgi-strict uWSGI knows of iterables only.
        return iter((bytes(self),))


class _Parts:
    """A body that comes in parts, as uWSGI asks for them."""

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
