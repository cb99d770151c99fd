"""What harmful clients do, each over a connection: none of it must harm anybody else.

Each stays within bounds, with a small flood at most. What can be told right from wrong is checked:
that no response gets into another one that has been broken off, and what becomes of children.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from websocket_wire import BINARY, CLOSE, CONT, PING, TEXT, close, frame

RAISED: Final = (
    *("panic", "generator_exit", "system_exit", "interrupt", "cancelled", "group"),
    "stop_iteration",
)
"""The exception that the application's views raise."""


class Harmed(Exception):
    """The server has done what it must not."""


class Client:
    """A connection of a harmful client."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.dice = dice

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def get(self, path: str, version: str = "1.1", *fields: str) -> None:
        lines = [f"GET {path} HTTP/{version}", "Host: test", *fields, "", ""]
        self.send("\r\n".join(lines).encode())

    async def flood(self, piece: bytes, size: int) -> None:
        """Send a piece again and again, so many bytes in all, and read the response while
        sending.
        """
        count = max(1, size // len(piece))
        for begin in range(0, count, 5000):
            self.send(piece * min(5000, count - begin))
            await self.writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reader.read(1 << 20), 0.01)

    async def open_websocket(self, path: str) -> None:
        self.get(
            path,
            "1.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        await self.reader.readuntil(b"\r\n\r\n")

    async def pause(self, most_seconds: float) -> None:
        await asyncio.sleep(self.dice.random() * most_seconds)

    def reset(self) -> None:
        """End the connection as a client does that crashes."""
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):  # it has been reset already
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
        self.writer.transport.abort()


# --- Heads and bodies that are invalid ------------------------------------------------------------


async def half_head_reset_at_the_answer(client: Client) -> None:
    """Reset between the 408 and the server's half-close."""
    client.send(b"GET /coroutine/x HTTP/1.1\r\nHost: te")
    await client.reader.read(1)
    client.reset()


async def half_head(client: Client) -> None:
    client.send(b"POST /upload/x HTTP/1.1\r\nHost: test\r\nContent-")
    await client.pause(1)


async def invalid_bytes(client: Client) -> None:
    kinds = (
        client.dice.randbytes(300),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + client.dice.randbytes(200),
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    )
    client.send(client.dice.choice(kinds))
    await client.reader.read()


async def slow_body(client: Client) -> None:
    client.send(b"POST /upload/x HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(client.dice.randint(1, 40)):
        client.send(b"x")
        await asyncio.sleep(0.25)


async def body_without_end(client: Client) -> None:
    """Leave in the middle of a body that has spilled to disk."""
    client.send(b"POST /upload/x HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n")
    client.send(bytes(200_000))
    await client.pause(1)
    client.reset()


async def chunks_of_one_byte(client: Client) -> None:
    client.send(b"POST /upload/x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
    await client.flood(b"1\r\nx\r\n", client.dice.randint(1, 40) * 5_000)
    client.send(b"0\r\n\r\n")
    await client.reader.read(100)


async def pipelined_after_a_slow_one(client: Client) -> None:
    client.get("/slow/x")
    client.send(b"GET /coroutine/x HTTP/1.1\r\nHost: a\r\n\r\n" * client.dice.randint(1, 1_000))
    await client.pause(1)
    if client.dice.random() < 0.5:
        client.reset()


# --- Clients that leave, or do not read -----------------------------------------------------------


async def leaves(client: Client) -> None:
    views = ("slow", "slow_in_thread", "coroutine", "synchronous", "streamed", "endless", "write")
    client.get(f"/{client.dice.choice(views)}/gone")
    await client.pause(0.3)
    if client.dice.random() < 0.5:
        client.reset()


async def half_closes(client: Client) -> None:
    client.get(f"/{client.dice.choice(('slow', 'streamed', 'endless'))}/x")
    client.writer.write_eof()
    await client.reader.read(100_000)


async def does_not_read(client: Client) -> None:
    client.get("/endless/x")
    await client.pause(5)
    client.reset()


# --- What fails in the application ----------------------------------------------------------------


async def raises(client: Client) -> None:
    view = client.dice.choice(("raises", "raises_in_thread"))
    client.get(f"/{view}/{client.dice.choice(RAISED)}")
    client.get("/coroutine/SECOND")
    answer = await client.reader.read()
    if answer and not answer.startswith((b"HTTP/1.1 500 ", b"HTTP/1.1 503 ")):
        raise Harmed(f"{view}: {answer[:300]!r}")


async def raises_halfway(client: Client) -> None:
    view = client.dice.choice(("raises_in_stream", "raises_in_body"))
    client.get(f"/{view}/{client.dice.choice(RAISED)}")
    client.get("/coroutine/SECOND")
    answer = await client.reader.read()
    if b"SECOND" in answer or answer.endswith(b"0\r\n\r\n"):
        raise Harmed(f"{view}: {answer[:300]!r}")


async def has_a_child_terminated(client: Client) -> None:
    view = client.dice.choice(("child", "child_in_thread"))
    client.get(f"/{view}/x", "1.0")
    answer = await client.reader.read()
    if answer and not answer.endswith(b"\r\n\r\n-15"):
        raise Harmed(f"{view}: {answer[:300]!r}")


async def leaves_a_child_behind(client: Client) -> None:
    client.get("/child_that_stays/x", "1.0")
    await client.reader.read(100)


# --- WebSockets -----------------------------------------------------------------------------------


async def half_a_handshake(client: Client) -> None:
    client.send(b"GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Up")
    await client.pause(0.5)


async def goes_silent(client: Client) -> None:
    await client.open_websocket(client.dice.choice(("/echo", "/silent")))
    await client.pause(6)
    client.reset()


async def resets_at_the_close(client: Client) -> None:
    await client.open_websocket("/silent")
    client.send(client.dice.choice((close(), close(None), close(1001), frame(CLOSE, b"x"))))
    await client.reader.read(1)
    client.reset()


async def leaves_in_a_message(client: Client) -> None:
    await client.open_websocket("/echo")
    client.send(frame(TEXT, b"half", fin=False) + frame(CONT, bytes(1000))[:500])
    await client.pause(0.5)
    if client.dice.random() < 0.5:
        client.reset()


async def empty_pings(client: Client) -> None:
    await client.open_websocket("/echo")
    await client.flood(frame(PING), client.dice.randint(1, 30) * 10_000)


async def tiny_messages(client: Client) -> None:
    await client.open_websocket("/echo")
    await client.flood(frame(TEXT, b"x"), client.dice.randint(1, 10) * 7_000)


async def tiny_fragments(client: Client) -> None:
    await client.open_websocket("/echo")
    client.send(frame(BINARY, b"", fin=False))
    await client.flood(frame(CONT, b"", fin=False), client.dice.randint(1, 20) * 6_000)


async def reads_no_messages(client: Client) -> None:
    await client.open_websocket("/talkative")
    await client.pause(4)
    client.reset()


Act = Callable[[Client], Awaitable[None]]

ACTS: Final[tuple[Act, ...]] = (
    *(half_head_reset_at_the_answer, half_head, invalid_bytes, slow_body, body_without_end),
    *(chunks_of_one_byte, pipelined_after_a_slow_one, leaves, half_closes, does_not_read),
    *(raises, raises_halfway, has_a_child_terminated, leaves_a_child_behind, half_a_handshake),
    *(goes_silent, resets_at_the_close, leaves_in_a_message, empty_pings, tiny_messages),
    *(tiny_fragments, reads_no_messages),
)
