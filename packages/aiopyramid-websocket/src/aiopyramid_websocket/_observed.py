"""A connection that counts its messages for the observers of the process."""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar, cast

from aiopyramid_core import observing

from ._base_connection import BaseConnection, Payload
from ._messages import Message
from .broadcast import Broadcast

__all__ = ("observed",)

C = TypeVar("C", bound=BaseConnection)


@contextlib.contextmanager
def observed(observer: observing.Observer, connection: C, name: str, request: Any) -> Iterator[C]:
    """Yield a connection that counts its messages for an observer.

    Args:
        observer: The observer.
        connection: The open connection.
        name: The name of its handler.
        request: The request that has opened it.
    """
    record = observing.OpenConnection(
        "websocket", name, request, lambda: connection.queued, lambda: connection.is_slow
    )
    observer.connection_opened(record)
    try:
        yield cast(C, _CountingConnection(connection, record))
    finally:
        record.close_code = connection.close_status[0]
        record.close()
        observer.connection_closed(record)


class _CountingConnection:
    """Has the methods of the connection, as far as a handler's WebSocket uses them."""

    __slots__ = ("_connection", "_record")

    def __init__(self, connection: Any, record: observing.OpenConnection) -> None:
        self._connection = connection
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def receive(self) -> Message | None:
        message: Message | None = await self._connection.receive()
        if message is not None:
            self._record.add_received(_size_bytes(message))
        return message

    async def send(self, message: Payload) -> None:
        await self._connection.send(message)
        self._record.add_sent(_size_bytes(message))

    def post(self, message: Payload | Broadcast) -> bool:
        is_sent: bool = self._connection.post(message)
        if is_sent:
            payload = message.message if isinstance(message, Broadcast) else message
            self._record.add_sent(_size_bytes(payload))
        return is_sent

    def send_frame(self, data: Payload, *, continues: bool = False, ends: bool = True) -> None:
        self._connection.send_frame(data, continues=continues, ends=ends)
        self._record.sent_bytes += _size_bytes(data)
        self._record.sent_messages += ends


def _size_bytes(message: Payload) -> int:
    if isinstance(message, str):
        return len(message) if message.isascii() else len(message.encode())
    return memoryview(message).nbytes
