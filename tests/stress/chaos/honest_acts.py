"""What honest clients do, each over a connection: they know what must come back."""

import asyncio
import contextlib
import hashlib
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

from websocket_wire import CLOSE, PING, PONG, TEXT, close, frame

LINES: Final = 40
"""Of each stream."""

RESTART: Final = 1012
"""The close code of a server that restarts (RFC 6455, 7.4): the client is to come again."""


class Wrong(Exception):
    """An answer that is not the right one."""


class Refused(Exception):
    """The application says that its database is away."""


class ComeAgain(Exception):
    """The server stops, and says so: what it has not begun is to be asked of another one."""


class Connection:
    """A connection to the server, over which one request is under way at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.opened = time.monotonic()
        self.port: int = writer.get_extra_info("sockname")[1]
        self.ends = False

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @property
    def has_ended(self) -> bool:
        return self.ends or self.reader.at_eof() or self.writer.is_closing()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def send(self, path: str, body: bytes | None = None) -> None:
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        method = "GET" if body is None else "POST"
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{length}\r\n".encode())
        if body:
            self.writer.write(body)

    async def head(self) -> tuple[int, dict[str, str]]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        fields = {name.lower(): value.strip() for name, value in (x.split(":", 1) for x in lines)}
        return int(first.split()[1]), fields

    async def answer(self) -> bytes:
        """Return the body of the next answer; only 200 will do.

        Raises:
            Refused: It is 503, as the application answers without a database.
            Wrong: It is anything else.
        """
        status, fields = await self.head()
        self.ends = fields.get("connection") == "close"
        if "content-length" in fields:
            body = await self.reader.readexactly(int(fields["content-length"]))
        else:
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
        if (status, body) == (503, b"the database is away"):
            raise Refused
        if status != 200:
            raise Wrong(f"{status} {body[:200]!r}")
        return body

    async def get(self, path: str, expected: bytes) -> None:
        self.send(path)
        _same(await self.answer(), expected)

    async def next_frame(self) -> tuple[int, bytes]:
        while True:
            first, size = await self.reader.readexactly(2)
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            opcode, payload = first & 0x0F, await self.reader.readexactly(size)
            if opcode != PING:
                return opcode, payload
            self.writer.write(frame(PONG, payload))


def _same(found: bytes, expected: bytes) -> None:
    if found != expected:
        raise Wrong(f"{found[:200]!r} and not {expected[:200]!r}")


# --- What they do ---------------------------------------------------------------------------------


async def coroutine(connection: Connection, mark: str) -> None:
    await connection.get(f"/coroutine/{mark}", mark.encode())


async def synchronous(connection: Connection, mark: str) -> None:
    await connection.get(f"/synchronous/{mark}", mark.encode())


async def streamed(connection: Connection, mark: str) -> None:
    await connection.get(f"/streamed/{mark}", _lines(mark))


async def iterated(connection: Connection, mark: str) -> None:
    await connection.get(f"/iterated/{mark}", _lines(mark))


def _lines(mark: str) -> bytes:
    return b"".join(f"{mark} {number}\n".encode() for number in range(LINES))


async def upload(connection: Connection, mark: str) -> None:
    await _upload(connection, "upload", mark)


async def upload_in_thread(connection: Connection, mark: str) -> None:
    await _upload(connection, "upload_in_thread", mark)


async def _upload(connection: Connection, view: str, mark: str) -> None:
    # Some fit into a packet, some into memory, some spill to disk.
    body = mark.encode() * (1 << zlib.crc32(mark.encode()) % 17)
    connection.send(f"/{view}/{mark}", body)
    _same(await connection.answer(), hashlib.sha256(body).hexdigest().encode())


async def pipelined(connection: Connection, mark: str) -> None:
    views = ("coroutine", "synchronous", "streamed", "coroutine", "synchronous")
    for view in views:
        connection.send(f"/{view}/{mark}-{view}")
    for view in views:
        if connection.ends:  # "will not process any further requests" (RFC 9112, 9.6)
            raise ComeAgain
        own = f"{mark}-{view}"
        expected = _lines(own) if view == "streamed" else own.encode()
        _same(await connection.answer(), expected)


async def write(connection: Connection, mark: str) -> None:
    await connection.get(f"/write/{mark}", mark.encode())


async def write_in_thread(connection: Connection, mark: str) -> None:
    await connection.get(f"/write_in_thread/{mark}", mark.encode())


async def websocket(connection: Connection, mark: str) -> None:
    """Say something, and go."""
    await _open_websocket(connection)
    for number in range(1 + zlib.crc32(mark.encode()) % 3):
        await _echo(connection, f"{mark} {number} ".encode() * 10 ** (number + 1))
    await _close_websocket(connection)


async def websocket_that_stays(connection: Connection, mark: str) -> None:
    """Say something now and then."""
    await _open_websocket(connection)
    for number in range(6):
        await _echo(connection, f"{mark} {number}".encode())
        await asyncio.sleep(0.5)
    await _close_websocket(connection)


async def _open_websocket(connection: Connection) -> None:
    connection.writer.write(
        b"GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    status, fields = await connection.head()
    if status != 101:
        raise Wrong(f"{status} {fields}")


async def _echo(connection: Connection, message: bytes) -> None:
    connection.writer.write(frame(TEXT, message))
    opcode, payload = await connection.next_frame()
    if opcode == CLOSE and int.from_bytes(payload[:2], "big") == RESTART:
        connection.writer.write(frame(CLOSE, payload[:2]))
        raise ComeAgain
    _same(payload, message)


async def _close_websocket(connection: Connection) -> None:
    connection.writer.write(close())
    opcode, payload = await connection.next_frame()
    if opcode != CLOSE or int.from_bytes(payload[:2], "big") not in (1000, RESTART):
        raise Wrong(f"{opcode} {payload!r} for a close frame")


Act = Callable[[Connection, str], Awaitable[None]]

SHARES: Final[dict[Act, int]] = {
    coroutine: 30,
    synchronous: 25,
    streamed: 8,
    iterated: 6,
    upload: 5,
    upload_in_thread: 4,
    pipelined: 3,
}
"""How often each of them, beside the others."""

DATABASE_SHARES: Final[dict[Act, int]] = {write: 3, write_in_thread: 3}

REQUESTS: Final[dict[Act, int]] = {pipelined: 5}
"""How many requests it is, if it is more than one."""
