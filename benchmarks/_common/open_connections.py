"""Connections that are all open before the first request, and then always have one under way.

wrk sends requests while it still connects, and its percentiles lack the requests that were not
answered. Where a server accepts thousands of connections slowly, or serves some of them rarely,
these are many. Here all requests count, also those that wait at the end.
"""

import asyncio
import time
from typing import Final, cast
from urllib.parse import urlsplit

from . import HELLO
from .results import Sample

__all__ = ("keep_busy",)

_GRACE_SECONDS: Final = 30.0
"""How long a server may take for what is under way at the end."""


class _Connection(asyncio.Protocol):
    """A connection that sends its next request as soon as it has an answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.WriteTransport
        self._sent_at = 0.0
        self._is_last = False
        self.latencies: list[float] = []
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast instead of a check: uvloop's transports are not subclasses of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def begin(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not data.endswith(HELLO):
            return
        self.latencies.append(time.perf_counter() - self._sent_at)
        if self._is_last:
            self.idle.set_result(None)
        else:
            self.begin()

    def finish(self) -> float:
        """Send no more requests; return for how long one has been under way."""
        self._is_last = True
        return time.perf_counter() - self._sent_at

    def close(self) -> None:
        self._transport.close()


async def keep_busy(address: str, connections: int, seconds: float) -> Sample:
    """Send requests for some time, each connection the next one as soon as it has its answer.

    Args:
        address: The server's address, such as ``http://127.0.0.1:8000``.
        connections: How many connections.
        seconds: How long.

    Returns:
        ``requests_per_second``; ``p50_milliseconds``, ``p99_milliseconds`` and
        ``slowest_milliseconds`` of all requests, whether they were answered or not; ``fewest`` and
        ``most``, the answers of the connections that have got the fewest and the most.
    """
    parts = urlsplit(address)
    request = f"GET / HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda: _Connection(request), parts.hostname, parts.port))[1]
        for _ in range(connections)
    ]
    for connection in opened:
        connection.begin()
    await asyncio.sleep(seconds)
    waiting = [connection.finish() for connection in opened]
    answered = [len(connection.latencies) for connection in opened]
    latencies = sorted([*waiting, *(each for one in opened for each in one.latencies)])
    async with asyncio.timeout(_GRACE_SECONDS):
        await asyncio.gather(*(connection.idle for connection in opened))
    for connection in opened:
        connection.close()
    return {
        "requests_per_second": sum(answered) / seconds,
        "p50_milliseconds": latencies[len(latencies) // 2] * 1000,
        "p99_milliseconds": latencies[len(latencies) * 99 // 100] * 1000,
        "slowest_milliseconds": latencies[-1] * 1000,
        "fewest": min(answered),
        "most": max(answered),
    }
