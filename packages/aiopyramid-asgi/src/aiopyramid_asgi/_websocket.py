"""One WebSocket: its opening handshake is a request, and then the server's call is the connection.

The server has checked the handshake and frames the messages. A response other than 101 refuses the
handshake: with that response if the server can send one, otherwise with its own 403.
"""

import asyncio
import logging
from io import BytesIO
from typing import Any, Final, cast

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core.contract import (
    MESSAGES,
    ON_HANDLER_END,
    MessageProtocol,
    UpgradedProtocol,
)
from aiopyramid_core.servers import (
    Capabilities,
    WSGIResponse,
    kills_greenlet,
    plain_text,
    report_failure,
    run_application,
)

from ._channel import Channel
from ._environ import build_environ
from ._exchange import Services
from ._head import fields_of
from ._types import Receive, Scope, Send

__all__ = ("WebSocketExchange",)

_log = logging.getLogger("aiopyramid_asgi")

_SWITCHING_PROTOCOLS: Final = 101
_DENIAL: Final = "websocket.http.response"
"""The extension for refusals with a response."""

_NO_CLOSE: Final = 1006
"""The close code of a client that has gone without one (RFC 6455, 7.1.5)."""


class WebSocketExchange:
    """One WebSocket; the core's :class:`~aiopyramid_core.servers.Sink` for its handshake.

    Args:
        services: The objects that the exchanges of one application share.
        scope: The handshake.
        receive: Waits for the next event from the client.
        send: Sends an event to the client.

    Attributes:
        capabilities: The capabilities that the connection offers the application.
        response: The response to the handshake, started or not.
    """

    _task: "asyncio.Task[Any]"
    capabilities: Capabilities

    def __init__(self, services: Services, scope: Scope, receive: Receive, send: Send) -> None:
        self._services = services
        self._scope = scope
        self._receive = receive
        self._send = send
        self._protocol: MessageProtocol | None = None
        self._handler_ended = asyncio.Event()
        self._interruptions = 0
        self._can_deny = _DENIAL in (scope.get("extensions") or {})
        self._denial_began = False
        self.capabilities = Capabilities(asyncio.get_running_loop(), _log)
        self.response = WSGIResponse("GET")

    async def run(self, task: "asyncio.Task[Any] | None" = None) -> None:
        """Answer the handshake, and pass messages on until the handler has ended.

        Args:
            task: The running Task, if the caller knows it.
        """
        if (await self._receive())["type"] != "websocket.connect":
            return
        environ: dict[str, Any] = {}
        try:
            settings = self._services.settings
            environ = build_environ(
                self._scope, settings.trusted_proxies, multiprocess=settings.multiprocess
            )
            environ["wsgi.input"] = BytesIO()
            environ[MESSAGES] = self._take
            environ[ON_HANDLER_END] = self._handler_ended.set
            # HTTP/2 and /3 ask for a WebSocket by CONNECT (RFC 8441, 5), routes by GET.
            environ["REQUEST_METHOD"] = "GET"
            await spawn_greenlet(run_application, self._services.application, environ, self)
            if self.response.code == _SWITCHING_PROTOCOLS:
                await self._serve()
        except BaseException as error:
            await self._fail(error)
        finally:
            # Breaks the cycle environ -> exchange -> environ.
            environ.pop(MESSAGES, None)
            self.capabilities.forget()

    # --- Called by the core, in the greenlet --------------------------------------------------

    def send_whole(self, body: bytes) -> None:
        """Send a refusal; a 101 is sent later, outside of the greenlet."""
        self.response.commit()
        if self.response.code != _SWITCHING_PROTOCOLS:
            await_(self._deny(self.response.take(body), more=False))

    def send_file(self, body: Any) -> bool:
        """Return False: a file is read in threads."""
        return False

    def write(self, part: bytes) -> None:
        """Send a part of a refusal."""
        self._commit()
        await_(self._deny(self.response.take(part), more=True))

    def end(self) -> None:
        """Send the end of a refusal in parts."""
        self._commit()
        if self.response.code != _SWITCHING_PROTOCOLS:
            await_(self._deny(b"", more=False))

    # --- Refusals -----------------------------------------------------------------------------

    def _commit(self) -> None:
        if not self.response.head_sent:
            self.response.commit()

    async def _deny(self, part: bytes, *, more: bool) -> None:
        if not self._can_deny:
            if not more:
                await self._send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        if not self._denial_began:
            self._denial_began = True
            head = {"status": self.response.code, "headers": fields_of(self.response)}
            await self._send({"type": f"{_DENIAL}.start"} | head)
        await self._send({"type": f"{_DENIAL}.body", "body": part, "more_body": more})

    async def _fail(self, error: BaseException) -> None:
        name = f"WebSocket {self._scope['path']}"
        status = report_failure(error, name, _log)
        try:
            if self._protocol is not None:
                self._protocol.connection_lost(_NO_CLOSE, "")
                await self._handler_ended.wait()
            elif status is not None and not self._denial_began:
                line, fields, body = plain_text(status)
                self.response = WSGIResponse("GET")
                self.response.start(line, fields)
                self.response.commit()
                await self._deny(body, more=False)
        except Exception as failure:
            _log.debug("The client cannot be answered: %s", failure)
        was_open = hasattr(self, "_task")  # the server then closes it with a code of its own
        if was_open or isinstance(error, asyncio.CancelledError) or kills_greenlet(error):
            raise error

    # --- The connection -----------------------------------------------------------------------

    def _take(self, protocol: MessageProtocol) -> None:
        self._protocol = protocol
        # Only so that the core lets the 101 pass.
        self.capabilities.upgrade(cast(UpgradedProtocol, protocol))

    async def _serve(self) -> None:
        protocol = self._protocol
        assert protocol is not None  # otherwise the status was refused
        await self._send({"type": "websocket.accept", **self._answer()})
        task = asyncio.current_task()
        assert task is not None  # see the caller of run()
        self._task = task
        channel = Channel(protocol, self._send, self._interrupt)
        stopping = self._services.stopping
        protocol.connection_made(channel)
        stopping.add(protocol.server_stops, at_once=True)
        code, reason = _NO_CLOSE, ""
        try:
            code, reason = await self._pass_messages(protocol, channel)
        finally:
            stopping.discard(protocol.server_stops)
            self._protocol = None
            protocol.connection_lost(code, reason)
        # The server takes the end of this call for the end of the connection.
        await self._handler_ended.wait()

    def _answer(self) -> dict[str, Any]:
        """Return the subprotocol and the header fields for the server's 101."""
        fields = fields_of(self.response)
        chosen = [value for name, value in fields if name == b"sec-websocket-protocol"]
        return {
            "subprotocol": chosen[0].decode("latin-1") if chosen else None,
            "headers": [
                field
                for field in fields
                if not field[0].startswith(b"sec-websocket-") and field[0] not in _OF_ENTITIES
            ],
        }

    async def _pass_messages(self, protocol: MessageProtocol, channel: Channel) -> tuple[int, str]:
        """Pass messages on until the connection is gone; return its close code and reason."""
        receive = self._receive
        while not channel.is_given_up:
            try:
                if channel.is_closing:
                    await channel.send_close()
                event = await receive()
                if event["type"] != "websocket.receive":
                    return event.get("code") or _NO_CLOSE, event.get("reason") or ""
                text = event.get("text")
                protocol.message_received(event["bytes"] if text is None else text)
                if channel.is_paused:
                    await channel.may_read()
            except asyncio.CancelledError:
                if not self._interruptions:
                    raise
                self._interruptions -= 1
                self._task.uncancel()
        return _NO_CLOSE, ""

    def _interrupt(self) -> None:
        """Interrupt the wait for the client.

        granian sends no close while the application waits for a message.
        """
        if self._protocol is not None and asyncio.current_task() is not self._task:
            self._interruptions += 1
            self._task.cancel()


_OF_ENTITIES: Final = (b"content-length", b"content-type", b"upgrade")
"""Fields that Pyramid adds to each response, and one of HTTP/1.1 only."""
