"""A network between clients and a server that may stall."""

import asyncio
import contextlib
import ssl


class StallingProxy:
    """Passes connections on to a port of 127.0.0.1.

    Args:
        to_port: The server's port.
        trusted: Which certificates of the server are accepted; None without encryption.

    Attributes:
        port: Its own port.
        may_pass: Whether data passes.
    """

    def __init__(self, to_port: int, trusted: ssl.SSLContext | None = None) -> None:
        self._to_port = to_port
        self._trusted = trusted
        self.may_pass = asyncio.Event()
        self.may_pass.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "StallingProxy":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(
            "127.0.0.1", self._to_port, ssl=self._trusted
        )
        self._writers |= {writer, their_writer}
        for pair in ((reader, their_writer), (their_reader, writer)):
            self._tasks.add(asyncio.create_task(self._pass(*pair)))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self.may_pass.wait()
                writer.write(data)
        writer.close()
