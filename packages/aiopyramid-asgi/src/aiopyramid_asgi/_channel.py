"""The server's side of a WebSocket, in whole messages, that is written to without waiting.

A message is handed to the server at once. Only if the server then makes it wait for the client, a
Task follows the message, and the messages after it queue.
"""

import asyncio
import contextlib
import logging
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from aiopyramid_core.contract import MessageProtocol

from ._types import Message, Send

__all__ = ("Channel",)

_log = logging.getLogger("aiopyramid_asgi")


class Channel:
    """Implements :class:`aiopyramid_core.contract.MessageChannel`.

    Args:
        protocol: The application's side.
        send: Sends an event to the client.
        interrupt: Interrupts the wait for the client, if the exchange is in it.

    Attributes:
        is_closing: Whether a close is to be sent.
        is_given_up: Whether the client is not waited for any more.
        is_paused: Whether no messages are to be taken from the client.
    """

    __slots__ = (
        "_close",
        "_interrupt",
        "_may_read",
        "_protocol",
        "_queue",
        "_send",
        "_sending",
        "is_closing",
        "is_given_up",
        "is_paused",
    )

    def __init__(
        self, protocol: MessageProtocol, send: Send, interrupt: Callable[[], object]
    ) -> None:
        self._protocol = protocol
        self._send = send
        self._interrupt = interrupt
        self._close: Message | None = None
        self._queue: list[Message] = []
        self._sending: asyncio.Task[None] | None = None
        self._may_read = asyncio.Event()
        self.is_closing = False
        self.is_given_up = False
        self.is_paused = False

    def send(self, message: str | bytes) -> None:
        """Send a message.

        Args:
            message: Text, or binary data.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        self._post({"type": "websocket.send", kind: message})

    def close(self, code: int, reason: str) -> None:
        """Send a close, after all messages: have the exchange do so.

        Args:
            code: The close code.
            reason: The reason.
        """
        self.resume_reading()  # what the client sends until its own close is ignored
        self.is_closing = True
        self._close = {"type": "websocket.close", "code": code, "reason": reason}
        self._interrupt()

    def abort(self) -> None:
        """Give the connection up without waiting for the client."""
        if self._sending is not None:
            self._sending.cancel()
        self.is_given_up = True
        self._interrupt()

    def pause_reading(self) -> None:
        """Stop taking messages from the client."""
        self.is_paused = True
        self._may_read.clear()

    def resume_reading(self) -> None:
        """Take messages from the client again."""
        self.is_paused = False
        self._may_read.set()

    async def may_read(self) -> None:
        """Wait until messages may be taken from the client."""
        await self._may_read.wait()

    async def send_close(self) -> None:
        """Send the close, after the messages before it.

        Raises:
            Exception: The server refuses the close code, as daphne does with most of them.
        """
        if self._sending is not None:
            await asyncio.wait((self._sending,))
        close, self._close = self._close, None
        self.is_closing = False
        if close is not None:
            with contextlib.suppress(OSError):  # the client has gone
                await self._send(close)

    # --- Private ------------------------------------------------------------------------------

    def _post(self, event: Message) -> None:
        if self._sending is not None:
            self._queue.append(event)
            return
        sending: Any = self._send(event)
        # Some servers return other awaitables than coroutines.
        coroutine = sending if type(sending) is types.CoroutineType else _await(sending)
        try:
            signal = coroutine.send(None)
        except StopIteration:
            return
        except Exception as error:
            _log_loss(error)
            return
        loop = asyncio.get_running_loop()
        self._sending = loop.create_task(self._follow(coroutine, signal))
        self._protocol.pause_writing()

    async def _follow(self, coroutine: Coroutine[Any, Any, None], signal: Any) -> None:
        """Send the rest of an event, and those that are kept since."""
        try:
            await self._until_sent(_resume(coroutine, signal))
            while self._queue:
                await self._until_sent(self._send(self._queue.pop(0)))
        finally:
            self._sending = None
            self._protocol.resume_writing()

    async def _until_sent(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except Exception as error:
            _log_loss(error)


def _log_loss(error: Exception) -> None:
    # The client has gone, which the server will say as well.
    _log.debug("A WebSocket message cannot be sent: %r", error)


async def _await(awaitable: Awaitable[None]) -> None:
    await awaitable


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, None], signal: Any) -> Generator[Any, Any, None]:
    """Continue a coroutine that has begun outside of this Task."""
    while True:
        try:
            try:
                value = yield signal
            except BaseException as error:
                signal = coroutine.throw(error)
            else:
                signal = coroutine.send(value)
        except StopIteration:
            return
