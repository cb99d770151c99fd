"""The WebSocket, as a handler of the application sees it."""

from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Mapping
from typing import Any, Final, cast

from ._base_connection import Payload
from ._connection import Connection
from ._message_connection import MessageConnection
from ._messages import Message
from ._state import State
from .broadcast import Broadcast

__all__ = ("WebSocket",)

# A tuple, because creating a union of types takes far longer than a check against a tuple.
_PAYLOAD: Final = (str, bytes, bytearray, memoryview)

Fragments = Iterable[Payload] | AsyncIterable[Payload]


class WebSocket:
    """An open WebSocket.

    ::

        async def echo(ws):
            async for message in ws:
                await ws.send(message)

    Args:
        connection: The connection.
        context: The context of the view.
        request: The request that opened it.

    Attributes:
        context: The context of the view.
        request: The request that opened it.
    """

    __slots__ = ("_connection", "context", "request")

    def __init__(
        self, connection: Connection | MessageConnection, context: Any = None, request: Any = None
    ) -> None:
        self._connection = connection
        self.context = context
        self.request = request

    # --- Receiving ----------------------------------------------------------------------------

    # Functions that return a coroutine instead of coroutine functions: one less per message.

    def recv(self) -> Coroutine[Any, Any, Message | None]:
        """Wait for the next message.

        A cancelled wait, for example by ``asyncio.timeout``, loses no message.

        Returns:
            ``str`` for a text message, ``bytes`` for a binary one, None when the connection is
            closed.

        Raises:
            AlreadyReceiving: Another task waits for the next message.
        """
        return self._connection.receive()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over the messages until the connection is closed."""
        receive = self._connection.receive
        while (message := await receive()) is not None:
            yield message

    # --- Sending ------------------------------------------------------------------------------

    def send(self, message: Payload | Fragments) -> Coroutine[Any, Any, None]:
        """Wait until the client keeps up, and then send a message.

        Any number of tasks may send at the same time. A cancelled wait, for example by
        ``asyncio.timeout``, has sent nothing. Only a message in fragments may be interrupted, which
        closes the connection.

        Args:
            message: ``str`` for a text message, ``bytes`` (or ``bytearray`` or ``memoryview``)
                for a binary one, or a synchronous or asynchronous iterable of either: the
                fragments of one message, sent one by one as they are produced.

        Raises:
            WebSocketClosed: The connection is closed.
            TypeError: The message has none of these types.
        """
        if isinstance(message, _PAYLOAD):
            return self._connection.send(message)
        if isinstance(message, Mapping) or not isinstance(message, Iterable | AsyncIterable):
            raise _not_a_message(message)
        return self._send_fragments(cast(Fragments, message))

    def post(self, message: Payload | Broadcast) -> bool:
        """Send a message now, or not at all; never wait.

        For code that sends to many clients and must not wait for a slow one.

        Args:
            message: ``str`` for a text message, ``bytes`` (or ``bytearray`` or ``memoryview``)
                for a binary one, or a :class:`~aiopyramid_websocket.Broadcast`.

        Returns:
            Whether the message was sent. It was not if the client does not keep up, if another task
            is sending a message in fragments, or if the connection is closed.

        Raises:
            TypeError: The message has none of these types.
        """
        if type(message) is not Broadcast and not isinstance(message, _PAYLOAD):
            raise _not_a_message(message)
        return self._connection.post(message)

    async def _send_fragments(self, fragments: Fragments) -> None:
        connection = self._connection
        kind: type | None = None
        last: Payload | None = None
        async with connection.message_lock():
            sent = 0
            try:
                async for fragment in _iterate(fragments):
                    kind = kind or _kind(fragment)
                    if _kind(fragment) is not kind:
                        raise TypeError("the fragments of a message must be all str or all bytes")
                    if last is not None:
                        await connection.wait_room()
                        connection.send_frame(last, continues=sent > 0, ends=False)
                        sent += 1
                    last = fragment
                if last is not None:
                    await connection.wait_room()
                    connection.send_frame(last, continues=sent > 0)
            except BaseException:
                if sent:
                    # The client has a part of a message that will never be complete.
                    connection.start_close()
                raise

    def ping(self) -> Coroutine[Any, Any, float]:
        """Send a ping, and wait for its pong.

        This is not needed to keep the connection alive, which is automatic (``ping_interval``).

        Returns:
            The seconds until the pong arrived.

        Raises:
            PingNotSupported: The server sends the pings by itself, as ASGI servers do.
            WebSocketClosed: The connection is closed, or was closed before the pong arrived.
        """
        return self._connection.ping()

    # --- Closing ------------------------------------------------------------------------------

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait until it is closed.

        The connection is also closed when the handler returns. This method has no effect if the
        connection is closed already.

        Args:
            code: The close code (RFC 6455, 7.4): 1000 for a normal closure, 3000 to 4999 for the
                application's own codes. While another task sends a message in fragments, 1000
                becomes 1011.
            reason: A text for the client, at most 123 bytes in UTF-8.

        Raises:
            ValueError: The code cannot be sent, or the reason is too long.
        """
        self._connection.start_close(code, reason)
        await self._connection.wait_lost()

    @property
    def closed(self) -> bool:
        """Whether the connection is closed or about to be, so that nothing can be sent."""
        return self._connection.state is not State.OPEN

    @property
    def close_code(self) -> int | None:
        """The client's close code, otherwise ours; None while the connection is open.

        1006 if the connection broke without one.
        """
        return self._connection.close_status[0] if self.closed else None

    @property
    def close_reason(self) -> str | None:
        """The reason that came with the close code; None while the connection is open."""
        return self._connection.close_status[1] if self.closed else None

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was negotiated, if any."""
        return self._connection.subprotocol


async def _iterate(
    fragments: Fragments,
) -> AsyncIterator[Payload]:
    if isinstance(fragments, AsyncIterable):
        async for fragment in fragments:
            yield fragment
    else:
        for fragment in fragments:
            yield fragment


def _kind(fragment: Payload) -> type:
    if not isinstance(fragment, _PAYLOAD):
        raise _not_a_message(fragment)
    return str if isinstance(fragment, str) else bytes


def _not_a_message(item: object) -> TypeError:
    return TypeError(
        f"a message must be str, bytes or an iterable of either, not {type(item).__name__}"
    )
