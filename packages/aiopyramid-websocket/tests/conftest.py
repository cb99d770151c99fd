"""What the tests share, as fixtures: pytest imports test modules such that none sees another."""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import coroutine_tests
import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side
from websockets.server import ServerProtocol

from aiopyramid_websocket import WebSocket
from aiopyramid_websocket._connection import Connection
from aiopyramid_websocket._state import State
from aiopyramid_websocket._watch import Watch
from aiopyramid_websocket.settings import WebSocketSettings

# For pytest to find: tests may be coroutine functions.
pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call
loop_factory = coroutine_tests.loop_factory


SO_ATTACH_FILTER = 26  # linux/socket.h; not among the constants of the socket module


class Peer:
    """A client that says exactly what the test says, over a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol = Protocol(Side.CLIENT, state=OPEN, max_size=None)
        self._frames: list[Frame] = []

    # --- Sending ------------------------------------------------------------------------------

    def frame(self, opcode: Opcode, data: bytes | str = b"", *, fin: bool = True) -> bytes:
        """Return the bytes of a frame, sensible or not."""
        payload = data.encode() if isinstance(data, str) else data
        frame = Frame(opcode, payload, fin)
        frame.check = lambda: None  # type: ignore[method-assign]
        return frame.serialize(mask=True, extensions=self.protocol.extensions)

    def send(self, *data: bytes | str, opcode: Opcode | None = None, fin: bool = True) -> None:
        """Send frames in one piece: texts, binary data, or what ``opcode`` says."""
        self.writer.write(
            b"".join(
                self.frame(opcode if opcode is not None else _opcode_of(each), each, fin=fin)
                for each in data
            )
        )

    def send_raw(self, data: bytes) -> None:
        self.writer.write(data)

    def send_close(self, code: int = 1000, reason: str = "") -> None:
        self.send(Close(code, reason).serialize(), opcode=Opcode.CLOSE)

    # --- Receiving ----------------------------------------------------------------------------

    async def next_frame(self) -> Frame:
        """Return the next frame."""
        while not self._frames:
            data = await self.reader.read(1 << 16)
            assert data, "the stream has ended"
            self.protocol.receive_data(data)
            self._frames += self.protocol.events_received()  # type: ignore[arg-type]
        return self._frames.pop(0)

    async def recv(self) -> str | bytes:
        """Return the next frame's data as the message it is."""
        frame = await self.next_frame()
        assert frame.opcode in (Opcode.TEXT, Opcode.BINARY)
        return frame.data.decode() if frame.opcode is Opcode.TEXT else bytes(frame.data)

    async def close_code(self) -> int:
        """Read on to the close frame and return its code."""
        while (close := self.protocol.close_rcvd) is None:
            data = await self.reader.read(1 << 16)
            assert data, "the stream has ended"
            self.protocol.receive_data(data)
        return close.code

    async def ended(self) -> bool:
        """Wait for the end of the stream, and return whether nothing came before it."""
        return not self._frames and await self.reader.read() == b""

    # --- Ending -------------------------------------------------------------------------------

    def vanish(self) -> None:
        self.writer.transport.abort()

    def reset(self) -> None:
        """Have TCP reset the connection."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.vanish()

    def reset_now(self) -> None:
        """The same without waiting for the event loop's next turn."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), self._sock.fileno())  # which closes the socket

    def unplug(self) -> None:
        """Have the kernel drop whatever arrives for the client, as if its machine was gone."""
        drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0
        program = struct.pack("HP", 1, ctypes.addressof(drop))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    @property
    def _sock(self) -> Any:
        return self.writer.get_extra_info("socket")


def _opcode_of(data: bytes | str) -> Opcode:
    return Opcode.TEXT if isinstance(data, str) else Opcode.BINARY


class End:
    """The server's end of a connection, and its peer."""

    def __init__(self, connection: Connection, peer: Peer, watch: Watch) -> None:
        self.connection = connection
        self.ws = WebSocket(connection)
        self.peer = peer
        self.watch = watch

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition; the test's own time limit ends the wait if it never comes."""
        while not condition():
            await asyncio.sleep(0.002)

    def pass_time(self, seconds: float) -> None:
        """Let the connection believe that so many seconds have passed."""
        self.watch.look(asyncio.get_running_loop().time() + seconds)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        return listener.accept()[0], theirs


@pytest.fixture
def connected(loop_factory: Any) -> Callable[..., Any]:
    """A connection over a real socket pair: ``async with connected(max_size_bytes=9) as end``."""

    @contextlib.asynccontextmanager
    async def connected(
        *, deflate: bool = False, tcp: bool = False, buffer_bytes: int = 0, **settings: Any
    ) -> AsyncIterator[End]:
        made = WebSocketSettings(**settings)
        protocol = ServerProtocol(state=OPEN, max_size=made.max_size_bytes)
        watch = Watch()
        connection = Connection(protocol, made, watch)
        ours, theirs = tcp_pair() if tcp else socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
            if buffer_bytes:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        peer = Peer(*await asyncio.open_connection(sock=theirs, limit=1024))
        if deflate:
            protocol.extensions = [PerMessageDeflate(False, False, 12, 12)]
            peer.protocol.extensions = [PerMessageDeflate(False, False, 12, 12)]
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: connection, ours)
        try:
            yield End(connection, peer, watch)
        finally:
            peer.vanish()
            if connection.state is not State.LOST:
                connection._transport.abort()  # it may have stopped reading
            await connection.wait_lost()
            with contextlib.suppress(OSError):
                await peer.writer.wait_closed()

    return connected
