"""An HTTP client that tells how long each answer takes."""

import asyncio
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Final

import aiohttp

from . import HELLO
from .servers import CannotMeasureError

__all__ = ("Client", "echo")

_REQUEST_SECONDS: Final = 30.0


class Client:
    """An HTTP client with as many connections as it has requests at the same time.

    Attributes:
        opened: How many connections it has opened.
        sent: Counts the requests that were sent, each of which can be waited for once.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.sent = asyncio.Semaphore(0)
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(self._count_connection)
        trace.on_request_headers_sent.append(self._count_request)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
            trace_configs=[trace],
        )

    async def __aenter__(self) -> "Client":
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self._session.__aexit__(None, None, None)

    async def _count_connection(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceConnectionCreateStartParams,
    ) -> None:
        self.opened += 1

    async def _count_request(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        self.sent.release()

    async def get(self, url: str) -> float:
        """Send a request; return its latency in seconds.

        Raises:
            CannotMeasureError: There was no answer, or a wrong one.
        """
        start = perf_counter()
        try:
            async with self._session.get(url) as response:
                status, body = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CannotMeasureError(f"No answer from {url}: {error!r}") from error
        if (status, body) != (200, HELLO):
            raise CannotMeasureError(f"{url} answered {status}, {body[:80]!r}")
        return perf_counter() - start

    async def websocket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Return an open WebSocket.

        Raises:
            CannotMeasureError: There is none.
        """
        try:
            return await self._session.ws_connect(url)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CannotMeasureError(f"No WebSocket at {url}: {error!r}") from error


async def echo(websocket: aiohttp.ClientWebSocketResponse) -> float:
    """Have a message echoed; return the seconds that it took.

    Raises:
        CannotMeasureError: Something else came back.
    """
    start = perf_counter()
    await websocket.send_bytes(HELLO)
    message = await websocket.receive(_REQUEST_SECONDS)
    if message.data != HELLO:
        raise CannotMeasureError(f"The WebSocket answered {message!r}")
    return perf_counter() - start
