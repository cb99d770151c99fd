"""A WebSocket client with framing of its own (RFC 6455, 5), for tests that say every byte.

Nothing here comes from the library that the server uses.
"""

import socket
import struct
from typing import NamedTuple

from server_process import PATIENCE_SECONDS

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = bytes((0x37, 0xFA, 0x21, 0x3D))  # RFC 6455, 5.7
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455, 1.3
}
"""The header fields of an opening handshake (RFC 6455, 4.1), without Host."""


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True
) -> bytes:
    """Return a frame, sensible or not."""
    size = len(payload)
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    head = struct.pack("!BB", fin << 7 | rsv << 4 | opcode, mask << 7 | short)
    head += struct.pack("!H", size) if short == 126 else b""
    head += struct.pack("!Q", size) if short == 127 else b""
    return head + KEY + masked(payload) if mask else head + payload


def masked(payload: bytes) -> bytes:
    """Return a payload masked with the key, or unmask it (RFC 6455, 5.3)."""
    key = (KEY * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return number.to_bytes(len(payload), "big")


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class Frame(NamedTuple):
    """The data that the server has sent."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0


class Wire:
    """A connection on which the test says every byte."""

    def __init__(
        self, port: int, path: str, timeout: float = PATIENCE_SECONDS, **fields: str
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._unread = b""
        wanted = {"Host": f"127.0.0.1:{port}"} | HANDSHAKE
        wanted |= {name.replace("_", "-"): value for name, value in fields.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in wanted.items())
        self.send(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        while b"\r\n\r\n" not in self._unread:
            assert self._read(), "the stream has ended in the answer's head"
        answer, self._unread = self._unread.split(b"\r\n\r\n", 1)
        first, *lines = answer.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.fields = {
            name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)
        }

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_in_pieces(self, data: bytes, size: int) -> None:
        """Send so many bytes at a time, each piece a packet of its own."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(data), size):
            self.send(data[begin : begin + size])

    def next(self) -> Frame:
        """Return the next frame."""
        got = self.next_or_end()
        assert got is not None, "the stream has ended"
        return got

    def next_or_end(self) -> Frame | None:
        """Return the next frame; None at the end of the stream."""
        if not self._have(2):
            return None
        first, second = self._unread[:2]
        assert not second & 0x80, "a server must not mask (5.1)"
        size, begin = second & 0x7F, 2
        if size > 125:
            begin = 4 if size == 126 else 10
            assert self._have(begin)
            size = int.from_bytes(self._unread[2:begin], "big")
            assert size > (125 if begin == 4 else 0xFFFF), "not the shortest length (5.2)"
        assert self._have(begin + size)
        payload = self._unread[begin : begin + size]
        self._unread = self._unread[begin + size :]
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7)

    def rest(self) -> list[Frame]:
        """Return all frames up to the end of the stream, which the server has to end."""
        frames = []
        while (got := self.next_or_end()) is not None:
            frames.append(got)
        return frames

    def close_code(self) -> int | None:
        """Read to the end; return the code of the close frame, None for one without."""
        frames = self.rest()
        assert [each.opcode for each in frames].count(CLOSE) == 1
        assert frames[-1].opcode == CLOSE, "nothing is sent after a close frame (5.5.1)"
        payload = frames[-1].payload
        payload[2:].decode()
        return int.from_bytes(payload[:2], "big") if payload else None

    def shut(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """End the connection with a reset, as a broken peer does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _have(self, size: int) -> bool:
        chunks, have = [self._unread], len(self._unread)
        while have < size:
            data = self._socket.recv(1 << 20)
            if not data:
                break
            chunks.append(data)
            have += len(data)
        self._unread = b"".join(chunks)
        return have >= size

    def _read(self) -> bool:
        return self._have(len(self._unread) + 1)
