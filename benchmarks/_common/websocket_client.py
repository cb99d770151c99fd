"""WebSocket clients that do as little as can be: raw frames, written and counted."""

import asyncio
import struct
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

__all__ = ("Echoed", "Latencies", "Listener", "echo_load", "frame", "handshake", "listen")

_SECONDS: Final = 60.0
_AT_ONCE: Final = 50
"""Connections made at the same time: fewer than any backlog."""

_MASK: Final = b"\0\0\0\0"  # a mask as any other, and cheap to apply


def handshake(host: str, path: str) -> bytes:
    """Return the request that opens a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def frame(payload: bytes, *, text: bool, masked: bool = True) -> bytes:
    """Return a frame as a client sends it, or as a server does."""
    size = len(payload)
    head = bytes([0x81 if text else 0x82])
    bit = 0x80 if masked else 0
    if size < 126:
        head += struct.pack("!B", bit | size)
    elif size < 1 << 16:
        head += struct.pack("!BH", bit | 126, size)
    else:
        head += struct.pack("!BQ", bit | 127, size)
    return head + (_MASK if masked else b"") + payload


class _Client(asyncio.Protocol, ABC):
    """Opens a WebSocket; what comes afterwards is for :meth:`received`."""

    def __init__(self, port: int, path: str) -> None:
        self._handshake = handshake(f"127.0.0.1:{port}", path)
        self._head: bytes | None = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self.received(data)
            return
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if found:
            assert head.startswith(b"HTTP/1.1 101"), head
            self._head = None
            self.opened.set_result(None)
            if rest:
                self.received(rest)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionResetError())

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Take a part of the stream of frames."""


# --- Echoes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Echoed:
    """The data that came back."""

    messages: int
    seconds: float


class _Pipeliner(_Client):
    """Sends some messages in one piece, and again when all have come back."""

    def __init__(self, port: int, payload: bytes, *, text: bool, depth: int) -> None:
        super().__init__(port, "/echo")
        self._burst = frame(payload, text=text) * depth
        self._expected = len(frame(payload, text=text, masked=False)) * depth
        self._depth = depth
        self._got = 0
        self.messages = 0
        self.stopping = False
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self) -> None:
        self.transport.write(self._burst)

    def received(self, data: bytes) -> None:
        self._got += len(data)
        assert self._got <= self._expected, "more came back than was sent"
        if self._got == self._expected:
            self._got = 0
            self.messages += self._depth
            if self.stopping:
                self.idle.set_result(None)
            else:
                self.transport.write(self._burst)


async def echo_load(
    port: int, payload: bytes, *, text: bool, depth: int, connections: int, seconds: float
) -> Echoed:
    """Have messages echoed for a while; ``depth`` is how many are under way per connection."""
    loop = asyncio.get_running_loop()
    clients = [
        (
            await loop.create_connection(
                lambda: _Pipeliner(port, payload, text=text, depth=depth), "127.0.0.1", port
            )
        )[1]
        for _ in range(connections)
    ]
    async with asyncio.timeout(_SECONDS + seconds):
        await asyncio.gather(*(client.opened for client in clients))
        started = time.perf_counter()
        for client in clients:
            client.send()
        await asyncio.sleep(seconds)
        for client in clients:
            client.stopping = True
        await asyncio.gather(*(client.idle for client in clients))
        taken = time.perf_counter() - started
    for client in clients:
        client.transport.abort()
    return Echoed(sum(client.messages for client in clients), taken)


# --- Broadcasts -----------------------------------------------------------------------------------


@dataclass
class Latencies:
    """Nanoseconds from the broadcast to each receiver."""

    values: list[int] = field(default_factory=list)


class Listener(_Client):
    """Notes how old the messages of ``/broadcast`` are when they come."""

    def __init__(self, port: int, latencies: Latencies) -> None:
        super().__init__(port, "/broadcast")
        self._latencies = latencies

    def received(self, data: bytes) -> None:
        assert len(data) == 22, data
        self._latencies.values.append(time.monotonic_ns() - int(data[2:]))

    def ask(self) -> None:
        """Have a message sent to everybody."""
        self.transport.write(frame(b"go", text=True))


async def listen(port: int, count: int) -> tuple[list[Listener], Latencies]:
    """Open so many connections."""
    loop = asyncio.get_running_loop()
    latencies = Latencies()
    listeners: list[Listener] = []
    async with asyncio.timeout(_SECONDS):
        while len(listeners) < count:
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda: Listener(port, latencies), "127.0.0.1", port)
                    for _ in range(min(_AT_ONCE, count - len(listeners)))
                )
            )
            await asyncio.gather(*(listener.opened for _, listener in made))
            listeners += [listener for _, listener in made]
    return listeners, latencies
