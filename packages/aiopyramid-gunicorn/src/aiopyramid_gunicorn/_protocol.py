"""The HTTP connection. Only this module, ``_upgraded`` and ``_flow`` use a transport.

Reading and responding overlap when a client pipelines: the parser may be ahead of the application
by the requests that arrived together with the current one. But reading pauses while any of them
waits, and responses are sent strictly in order.
"""

import asyncio
import inspect
import math
import ssl
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from http import HTTPStatus
from types import CoroutineType
from typing import Any, Final, cast

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.contract import UPGRADE, UpgradedProtocol
from aiopyramid_core.exceptions import RequestError
from aiopyramid_core.servers import Capabilities

from ._exchange import Exchange
from ._fence import break_off, descriptor_of, peer_of
from ._files import Outlet
from ._flow import WriteFlow, unsent_bytes
from ._http1.environ import connection_environ
from ._http1.inbound import Inbound
from ._http1.proxy_protocol import ProxyHeaderReader
from ._http1.request import Request
from ._http1.response import error_response
from ._intake import HEAD_BYTES, Intake
from ._owner import Owner
from ._starts import MOST_STARTS
from ._state import CLOSED, CLOSING, HANDLING, IDLE, RECEIVING, TRANSITIONS, UPGRADED, State
from ._upgraded import UpgradedConnection

__all__ = ("HTTPProtocol",)

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_LINGER_SECONDS: Final = 2.0
"""How long to read and drop data that a client sends after its last request (RFC 9112, 9.6).

Closing a socket with unread bytes makes TCP reset the connection, and the reset can overtake the
response that says what was wrong. nginx lingers for up to 5 s between two reads.
"""


class HTTPProtocol(asyncio.Protocol):
    """One client's connection.

    Args:
        owner: The server that accepted it.

    Attributes:
        state: The state of the connection.
        deadline: The time, by the loop's clock, at which the current wait for the client expires.
            While a body arrives, it may expire later; see :meth:`expire`.
        flow: Back-pressure on the writing side.
        inbound: The requests that are arriving.
        capabilities: The operations that the application may request of the connection.
    """

    __slots__ = (
        "_at_eof",
        "_body_began_at",
        "_body_grew_at",
        "_context",
        "_environ",
        "_given_up",
        "_intake",
        "_owner",
        "_task",
        "_transport",
        "_unsent_bytes",
        "capabilities",
        "deadline",
        "flow",
        "inbound",
        "state",
        "write",
    )

    write: Callable[[bytes], None]
    """Sends bytes to the client."""

    _transport: asyncio.Transport
    _environ: dict[str, Any]
    inbound: Inbound

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._at_eof = False
        self._body_began_at = self._body_grew_at = math.inf
        # Without the variables of any request: what one has set must not reach the next one.
        self._context = copy_context()
        self._given_up = False
        self._intake = Intake()
        self._task: asyncio.Task[None] | None = None
        self._unsent_bytes = math.inf
        self.flow = WriteFlow(owner.loop)
        self.capabilities = Capabilities(owner.loop, owner.services.logger)
        self.state = IDLE
        self.deadline = math.inf

    # --- Called by asyncio --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a client that has connected."""
        owner = self._owner
        # A cast instead of a check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self.write = self._transport.write
        self._transport.set_write_buffer_limits(owner.settings.limits.write_buffer_bytes)
        settings = owner.settings.environ
        peer = transport.get_extra_info("peername")
        self._environ = connection_environ(settings, peer, transport.get_extra_info("sockname"))
        self._environ |= self.capabilities.environ()
        tls = transport.get_extra_info("ssl_object")
        # For the client's certificate. If none is requested, there is no entry, because code that
        # expects a socket there (such as simple_websocket) could neither send nor receive with it.
        if tls is not None and tls.context.verify_mode is not ssl.CERT_NONE:
            self._environ["gunicorn.socket"] = tls
        proxy_header = None
        if owner.settings.proxy_protocol != "off":
            proxy_header = ProxyHeaderReader(owner.settings.proxy_protocol)
        self.inbound = Inbound(self._environ, settings, owner.settings.limits, peer, proxy_header)
        owner.remember(self)
        self._set_deadline(owner.settings.times.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Parse data that the client has sent, or keep it for later."""
        if self.state is CLOSING:
            return
        inbound, intake = self.inbound, self._intake
        if inbound.growing is not None and intake.is_empty:
            self._receive_body(data)
        elif intake.is_empty and len(data) <= HEAD_BYTES:
            self._parse(data)
        else:
            intake.add(data)
            self._take_in()

    def eof_received(self) -> bool:
        """Handle the client's last byte; the client may still read (RFC 9112, 9.6)."""
        self._at_eof = True
        self._lose_body_at_eof()
        # The client may only have shut down its sending half, and then gets its response. But few
        # clients do that, and those that are simply gone look the same.
        self.capabilities.tell_disconnect()
        # True keeps the writing half open for pending responses; TLS has no halves.
        waits = self.state is HANDLING or not self._intake.is_empty
        return waits and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """Pause the application, because the client reads more slowly than it writes."""
        self.flow.pause()
        if self.state is HANDLING:
            self._set_deadline(self._owner.settings.times.write_seconds)
            self._unsent_bytes = unsent_bytes(self._transport, past_transport=True)

    def resume_writing(self) -> None:
        """Resume the application, because the client has caught up."""
        self.flow.resume()
        if self.state is HANDLING:
            self.deadline = math.inf

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the connection, whichever side ended it."""
        self._become(CLOSED)
        self.deadline = math.inf
        # First, in case a later step fails: the server would wait for the connection on shutdown.
        self._owner.forget(self)
        self.flow.disconnect()
        self.capabilities.tell_disconnect()
        self._intake.take_all()
        self.inbound.close()
        self._environ = {}  # breaks the cycle through the capabilities

    # --- Called by the exchange ---------------------------------------------------------------

    def may_keep_alive(self) -> bool:
        """Return whether the connection may serve another request at all.

        After a response to a request whose body has not arrived, it may not.
        """
        inbound = self.inbound
        return self._owner.keeps_alive and (inbound.growing is None or inbound.live_body is None)

    def abort(self) -> None:
        """Abort the connection at once."""
        self._transport.abort()

    def ended(self, exchange: Exchange) -> None:
        """Continue with the next request, when an exchange has ended and its Task has not.

        A client may be so quick that its next request arrives before the loop reports that the Task
        is done. That request would be taken for one sent before the response, for which reading
        pauses and resumes, and this takes two system calls.
        """
        inbound, response = self.inbound, exchange.response
        if (
            self.state is HANDLING
            and response.keep_alive
            and response.has_ended
            and inbound.is_at_rest
            and self._intake.is_empty
            and not (self._at_eof or self._given_up)
            and self.capabilities.successor is None
        ):
            self._task = None
            self.capabilities.forget()
            self._owner.count_request()
            self._become(IDLE)
            self._set_deadline(self._owner.idle_seconds)
        else:
            # Outside of the request's context and Task, and after its greenlet is free again.
            self._owner.loop.call_soon(self._continue_after, exchange, context=self._context)

    def outlet(self) -> Outlet | None:
        """Return an outlet through which the system may send files itself, or None."""
        owner, transport = self._owner, self._transport
        if not owner.settings.sends_files or transport.get_extra_info("ssl_object") is not None:
            return None
        return Outlet(
            self, transport, self.flow, owner.loop, owner.settings.limits.write_buffer_bytes
        )

    # --- Called by the server -----------------------------------------------------------------

    def expire(self) -> None:
        """Act on the deadline, which has passed."""
        # It was not extended for each read of the body; see _body_grows.
        in_body = self.state is RECEIVING and self.inbound.growing is not None
        if in_body and self._set_body_deadline():
            return
        unsent = unsent_bytes(self._transport, past_transport=self.flow.full)
        if unsent:
            # On a slow line the client may still be reading the last response. The deadline is
            # extended as long as it makes progress.
            if unsent < self._unsent_bytes:
                self._set_deadline(self._owner.settings.times.write_seconds)
                self._unsent_bytes = unsent
            else:
                self._transport.abort()
        elif self.state is RECEIVING:
            self._answer_error(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")
        elif self.state is HANDLING:
            # The deadline of the wait for this request, which was left as it was. The exchange of a
            # Task that was cancelled before it began does not end.
            self.deadline = math.inf
            if self._task is not None and self._task.done():
                self._transport.abort()
        elif self.state is CLOSING:
            self._transport.abort()
        else:
            self._close()

    def retire(self, linger_seconds: float) -> None:
        """Close, as the server stops; wait for a response in progress or a request until then."""
        if self.state is not IDLE:
            return
        if linger_seconds > 0:
            self.deadline = min(self.deadline, self._owner.loop.time() + linger_seconds)
        else:
            self._close()

    def give_up(self) -> bool:
        """Cancel the request in progress and abort, because the time for the drain is over.

        Returns:
            Whether the client loses a response, or the rest of one.
        """
        self._given_up = True
        asked = self.state is RECEIVING or self.state is HANDLING
        unanswered = asked or unsent_bytes(self._transport) > 0
        if self._task is None or not _has_begun(self._task):
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()
        return unanswered

    def descriptor(self) -> int:
        """Return the descriptor of the connection's socket; -1 if it is closed."""
        return descriptor_of(self._transport)

    def __str__(self) -> str:
        return f"{peer_of(self._transport)} ({self.state.value})"

    # --- Private ------------------------------------------------------------------------------

    def _become(self, state: State) -> None:
        """Change the state; the only place that does."""
        if state not in TRANSITIONS[self.state]:
            raise AssertionError(f"invalid transition from {self.state} to {state}")
        self.state = state

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._owner.loop.time() + seconds
        self._unsent_bytes = math.inf

    def _body_begins(self) -> None:
        """Start to measure the body's time: from now on no other request keeps us from reading."""
        self._body_began_at = self._body_grew_at = self._owner.loop.time()
        self._set_body_deadline()

    def _set_body_deadline(self) -> bool:
        """Set the deadline that the body has now; return whether it is still to come."""
        growing, times = self.inbound.growing, self._owner.settings.times
        assert growing is not None
        self.deadline = min(
            self._body_grew_at + times.body_seconds,
            self._body_began_at + times.longest_for_body(growing.body.length_bytes),
        )
        self._unsent_bytes = math.inf
        return self.deadline > self._owner.loop.time()

    def _receive_body(self, data: bytes) -> None:
        """Add data that begins within a body."""
        if len(data) < self.inbound.plain_bytes:
            self.inbound.feed_body(data)
            self._body_grows()
        elif self.state is RECEIVING and len(data) <= self._intake.slice_bytes:
            # Most of a large upload in chunks: as little as possible is done for each read.
            self._parse_slice(data)
        else:
            self._intake.add(data)
            self._take_in()

    def _body_grows(self) -> None:
        """Do the next steps after data in the middle of a body."""
        if self.inbound.is_ahead:
            self._advance()
        else:
            # The deadline follows when it has passed: a large upload would pay for each read.
            self._body_grew_at = self._owner.loop.time()

    def _take_in(self) -> None:
        """Parse the data that has arrived, until it is time for others or for a request."""
        intake, inbound = self._intake, self.inbound
        while not intake.is_empty and not (self.state is HANDLING and inbound.is_ahead):
            plain_bytes = inbound.plain_bytes
            self._parse_slice(intake.take(plain_bytes, in_body=inbound.growing is not None))
            if intake.is_due:
                return

    def _parse_slice(self, data: bytes) -> None:
        """Parse a slice; give the other connections a turn if it is their time."""
        intake, inbound = self._intake, self.inbound
        before = inbound.effort
        self._parse(data)
        intake.spent(inbound.effort - before)
        if self.state is CLOSING:
            intake.take_all()
        elif intake.is_due:
            self._transport.pause_reading()
            self._owner.loop.call_soon(self._go_on)

    def _parse(self, data: bytes) -> None:
        inbound = self.inbound
        before = inbound.growing
        inbound.feed(data)
        if before is not None and inbound.growing is before:
            self._body_grows()
            return
        # A complete request is handled below, whatever has arrived after it.
        begins = self.state is IDLE and not inbound.waiting and inbound.is_receiving
        if begins:
            self._become(RECEIVING)
        self._advance()
        if self.state is RECEIVING:
            if inbound.growing is not None:
                self._body_begins()
            elif begins:
                self._set_deadline(self._owner.settings.times.head_seconds)

    def _go_on(self) -> None:
        """Continue after the other connections have had their turn."""
        self._intake.rest()
        if self.state is CLOSED or self.state is UPGRADED:
            return
        try:
            self._read_on()
        except Exception:
            break_off(self, self._owner.services.logger)

    def _read_on(self) -> None:
        """Parse the remaining data; resume reading if nothing remains and no request waits."""
        intake = self._intake
        if not intake.is_due:
            self._take_in()
        self._lose_body_at_eof()
        ahead = self.state is HANDLING and self.inbound.is_ahead
        if intake.is_empty and not (intake.is_due or ahead):
            self._transport.resume_reading()

    def _advance(self) -> None:
        """Do the next steps, as far as they are possible without waiting."""
        inbound = self.inbound
        while self.state is IDLE or self.state is RECEIVING:
            if inbound.waiting:
                self._handle(inbound.waiting.popleft())
            elif inbound.refusal is not None:
                self._refuse(inbound.refusal)
            elif not self._begins_early():
                if inbound.take_continue():
                    self._transport.write(_CONTINUE)
                return
        if self.state is HANDLING and inbound.is_ahead:
            # The client waits, so that its requests do not fill the memory.
            self._transport.pause_reading()

    def _begins_early(self) -> bool:
        """Handle a request whose body is still arriving, if the application wants to stream it."""
        request, owner = self.inbound.growing, self._owner
        streams_body = owner.services.streams_body
        if request is None or not request.may_begin or streams_body is None:
            return False
        request.may_begin = False
        if not streams_body(request.environ):
            return False
        body = request.begin(owner.settings.times.longest_wait, owner.settings.limits)
        exchange = self._handle(request)
        body.on_first_read = partial(self._ask_for_body, exchange)
        body.on_room = partial(owner.loop.call_soon, self._make_room)
        return True

    def _ask_for_body(self, exchange: Exchange) -> None:
        """Answer ``Expect: 100-continue``: the application waits for the body."""
        if not exchange.response.head_sent and self.inbound.take_continue():
            self._transport.write(_CONTINUE)

    def _make_room(self) -> None:
        """Read on, because the application has read what had arrived of a body."""
        if self.state is HANDLING:
            self._go_on()

    def _lose_body_at_eof(self) -> None:
        """Tell an application that reads a body if the client will not send the rest."""
        if self._at_eof and self._intake.is_empty and (body := self.inbound.live_body) is not None:
            body.lose()

    def _handle(self, request: Request) -> Exchange:
        self._become(HANDLING)
        if request.head.upgrade:
            # The parser has stopped after it, so no other request is waiting.
            request.environ[UPGRADE] = self.capabilities.upgrade
        owner = self._owner
        exchange, starts = Exchange(self, request, owner.services), owner.services.starts
        starts.count += 1
        if starts.count > MOST_STARTS or starts.waiting:
            starts.postpone(partial(self._start, exchange), request.environ)
        else:
            # In a Task from the start, although it could be created when the application first
            # awaits. Then requests that arrived together would each wait for a Task in a greenlet
            # of their own, which makes poor use of the processor's caches. This way one greenlet
            # serves them in turn.
            self._task = owner.loop.create_task(spawn_greenlet(exchange.run))
        return exchange

    def _start(self, exchange: Exchange) -> None:
        """Start with a request that had to wait."""
        if self._given_up:
            return
        try:
            self._task = self._owner.loop.create_task(spawn_greenlet(exchange.run))
        except Exception:
            # Those that wait behind it would never start, and this connection would stay open.
            break_off(self, self._owner.services.logger)

    def _continue_after(self, exchange: Exchange) -> None:
        self._task = None
        try:
            self._handled(exchange)
            if self.state is IDLE or self.state is RECEIVING:
                self._advance()
                self._read_on()
        except Exception:
            # The loop would only log it and leave the connection open forever, with no deadline.
            break_off(self, self._owner.services.logger)

    def _handled(self, exchange: Exchange) -> None:
        """Wait for the next request, or close: the exchange has ended."""
        owner = self._owner
        owner.count_request()
        successor = self.capabilities.forget()
        if successor is not None:
            if exchange.response.has_switched and self.state is not CLOSED:
                self._hand_over(successor)
                return
            successor.connection_lost(None)
        if self.state is CLOSED:
            return
        # Keep-alive as the response declared it counts, even if the server has begun to drain since
        # then: a client may have sent its next request because of it. But if a response ended
        # early, for whatever reason, another one must not be written into the unfinished one.
        response, inbound = exchange.response, self.inbound
        keep_alive = response.keep_alive and response.has_ended and not self._given_up
        if keep_alive and inbound.behind_upgrade is not None and not inbound.waiting:
            inbound.decline_upgrade()
        if self._at_eof and self._intake.is_empty and not inbound.waiting:
            self._close()
        elif not keep_alive:
            # The client may be sending its next request already.
            self._close(linger=not self._given_up)
        elif inbound.growing is not None:
            self._become(RECEIVING)
            self._body_begins()
        elif inbound.in_head:
            self._become(RECEIVING)
            self._set_deadline(owner.settings.times.head_seconds)
        else:
            self._become(IDLE)
            self._set_deadline(owner.idle_seconds)

    def _hand_over(self, successor: UpgradedProtocol) -> None:
        """Hand the connection to another protocol, and keep nothing of it."""
        self._become(UPGRADED)
        early = (self.inbound.behind_upgrade or b"") + self._intake.take_all()
        self.inbound.close()
        self._environ = {}
        connection = UpgradedConnection(self._owner, successor, self._transport)
        try:
            connection.begin(early, at_eof=self._at_eof)
        finally:
            self._owner.forget(self)

    def _refuse(self, error: RequestError) -> None:
        peer = self._environ["REMOTE_ADDR"]
        self._owner.services.logger.warning("Invalid request from ip=%s: %s", peer, error)
        self._answer_error(error.status, str(error))

    def _answer_error(self, status: HTTPStatus, detail: str) -> None:
        """Answer a request that the application never sees, and close."""
        growing = self.inbound.growing
        head = None if growing is None else growing.head
        method = "GET" if head is None else head.method
        response, data = error_response(status, detail, method=method)
        self._transport.write(data)
        environ = self._environ if growing is None else growing.environ
        self._owner.services.access_log.log(head, response, environ, 0.0)
        self._close(linger=True)

    def _close(self, *, linger: bool = False) -> None:
        """Close when all data is sent; with ``linger``, not before the client has read it."""
        self._become(CLOSING)
        self._intake.take_all()
        self._set_deadline(_LINGER_SECONDS)
        if not (linger and self._transport.can_write_eof()):
            self._transport.close()
            return
        self._transport.resume_reading()
        try:
            self._transport.write_eof()
        except OSError:  # asyncio's own loop calls the system at once: the client has reset
            self._transport.abort()


def _has_begun(task: "asyncio.Task[None]") -> bool:
    """Return whether a Task has taken its first step. If it is cancelled before, it never does."""
    coroutine = task.get_coro()
    assert isinstance(coroutine, CoroutineType)
    return inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED
