"""Many requests at once, with as little work for the client as possible, and the pings of another.

The client and the servers share two processors with the database. A client that takes as much time
as the server would measure itself, so the connections are open before, and one write is a request.
The pings come from a process of their own, because they would wait for the client's event loop.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from . import HELLO
from .servers import CannotMeasureError

__all__ = ("Pings", "burst", "pinging")

_PINGER: Final = Path(__file__).parent / "pinger.py"


class _Answer(asyncio.Protocol):
    """A connection for one request, whose answer ends with ``HELLO``."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(HELLO) and not self.done.done():
            if self._received.startswith(b"HTTP/1.1 200 "):
                self.done.set_result(None)
            else:
                self._fail()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._fail()

    def _fail(self) -> None:
        answer = self._received[:80].decode(errors="replace")
        self.done.set_exception(CannotMeasureError(f"unexpected answer: {answer!r}"))


async def burst(address: str, path: str, requests: int) -> float:
    """Send requests at once; return the seconds until the last answer.

    Args:
        address: The server's address, such as ``http://127.0.0.1:8000``.
        path: The path of all requests.
        requests: The number of connections, with a request each.
    """
    parts = urlsplit(address)
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    connections = [
        await loop.create_connection(_Answer, parts.hostname, parts.port) for _ in range(requests)
    ]
    start = time.perf_counter()
    for transport, _ in connections:
        transport.write(request)
    try:
        await asyncio.gather(*(answer.done for _, answer in connections))
        return time.perf_counter() - start
    finally:
        for transport, _ in connections:
            transport.close()


class Pings:
    """The pings of another process.

    Attributes:
        slowest: The seconds that the slowest answer took; known at the end of :func:`pinging`.
    """

    slowest: float = 0.0


@contextlib.asynccontextmanager
async def pinging(address: str, path: str) -> AsyncIterator[Pings]:
    """Ask a server for a page every few milliseconds, in another process.

    Args:
        address: The server's address.
        path: The path of the page.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, _PINGER, address, path, stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    pings = Pings()
    try:
        await process.stdout.readline()
        yield pings
    finally:
        output, _ = await process.communicate(b"end\n")
    pings.slowest = float(output)
