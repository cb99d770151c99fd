"""A load of HTTP requests over asyncio, whose client accounts for every single one.

For tests and benchmarks of servers that are reloaded, stopped and killed under load. The
application is ``loaded_app``. All connections are kept alive, and used in the ways that lose
requests::

    busy     one request after the other, POSTs among them
    slow     requests that take a while to answer
    idle     a request now and then, such as clients with connection pools send
    new      a connection for each request
"""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

PATIENCE_SECONDS: Final = 30.0
"""For one answer, or for the end of all."""


@dataclass(frozen=True)
class Failure:
    """A request that got no answer, or a wrong one.

    Attributes:
        what: ``refused``, ``lost`` or ``wrong``.
        request: Method and path.
        number: How many requests came before it over its connection.
        worker: The process that has answered over this connection so far, or None.
        detail: The observation of the client.
    """

    what: str
    request: str
    number: int
    worker: int | None
    detail: str


@dataclass
class Account:
    """The outcome of the requests.

    Attributes:
        answered: How many were answered well, by kind of connection.
        posts: How many of these were POSTs.
        closes: Connections that ended as they should: told, or while no request was under way.
        failures: All other requests.
        workers: The processes that answered.
        longest_seconds: The longest time that an answer to a quick request took.
    """

    answered: Counter[str] = field(default_factory=Counter)
    posts: int = 0
    closes: int = 0
    failures: list[Failure] = field(default_factory=list)
    workers: set[int] = field(default_factory=set)
    longest_seconds: float = 0.0


class CountingLoad:
    """So many connections of each kind, until told to stop.

    Args:
        port: Where the server listens, on 127.0.0.1.
        busy: Connections with one request after the other.
        slow: Connections with requests that take 0.05 to 0.3 seconds.
        idle: Connections with a request every 0.4 to 1.4 seconds, which leaves time for a slow
            machine: a worker that stops closes idle connections after 2 seconds.
        new: Clients that make a connection for each request.

    Attributes:
        account: The outcome of the requests so far.
        stopping: Set it to end the load; requests under way are waited for.
    """

    def __init__(
        self, port: int, *, busy: int = 8, slow: int = 4, idle: int = 8, new: int = 2
    ) -> None:
        self._port = port
        self._kinds = {"busy": busy, "slow": slow, "idle": idle, "new": new}
        self._serial = itertools.count()
        self.account = Account()
        self.stopping = asyncio.Event()

    async def run(self, meanwhile: Callable[[], Any]) -> Account:
        """Run the load while a blocking function runs in a thread; then end it.

        Args:
            meanwhile: Deals with the server: signals it, waits for what it says.
        """
        clients = [
            asyncio.create_task(self._client(kind))
            for kind, count in self._kinds.items()
            for _ in range(count)
        ]
        try:
            await asyncio.to_thread(meanwhile)
        finally:
            self.stopping.set()
            await asyncio.wait_for(asyncio.gather(*clients), PATIENCE_SECONDS)
        return self.account

    async def _client(self, kind: str) -> None:
        while not self.stopping.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                self.account.failures.append(Failure("refused", "", 0, None, repr(error)))
                await asyncio.sleep(0.01)
                continue
            try:
                await self._use(kind, reader, writer)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _use(
        self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send requests over a connection as long as it is good."""
        account, worker = self.account, None
        for number in itertools.count():
            serial = next(self._serial)
            method, path, body = _request(kind, serial)
            request = f"{method} {path}"
            if reader.at_eof() or self.stopping.is_set():
                account.closes += 1
                return
            closing = "Connection: close\r\n" * (kind == "new")
            head = (
                f"{request} HTTP/1.1\r\nHost: test\r\n{closing}Content-Length: {len(body)}\r\n\r\n"
            )
            started = time.perf_counter()
            try:
                writer.write(head.encode() + body)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    status, told, answer = await _answer(reader)
            except (OSError, EOFError, TimeoutError) as error:
                account.failures.append(Failure("lost", request, number, worker, repr(error)))
                return
            if (status, answer) != (200, body or b"hello"):
                detail = f"{status} {answer[:80]!r}"
                account.failures.append(Failure("wrong", request, number, worker, detail))
                return
            worker = int(told["x-worker"])
            account.workers.add(worker)
            account.answered[kind] += 1
            account.posts += method == "POST"
            if kind != "slow":
                taken = time.perf_counter() - started
                account.longest_seconds = max(account.longest_seconds, taken)
            if told.get("connection") == "close":
                account.closes += 1
                return
            if kind == "idle":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), 0.4 + serial % 11 / 10)


def _request(kind: str, serial: int) -> tuple[str, str, bytes]:
    """Return method, path and body of a request; no two bodies are alike."""
    if kind == "slow":
        return "POST", f"/slow?seconds={0.05 + serial % 6 * 0.05:.2f}", b"slow %d" % serial
    if serial % 2:
        return "GET", "/hello", b""
    # One in four does not fit into a packet, nor the largest into one receive call.
    size = (0, 0, 2_000, 100_000)[serial // 2 % 4]
    view = ("echo", "echo_in_thread")[serial // 2 % 3 == 0]
    return "POST", f"/{view}", b"%d " % serial + b"x" * size


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    fields = {name.lower(): value.strip() for name, value in (x.split(":", 1) for x in lines)}
    body = await reader.readexactly(int(fields["content-length"]))
    return int(first.split()[1]), fields, body
