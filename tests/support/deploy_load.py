"""Clients of event streams and WebSockets that come back, and account for every message.

For tests and benchmarks of servers that are reloaded while the clients listen. The application is
``deployed_app``, whose clients are members of one group. An event stream reconnects as
``EventSource`` does in a browser: after the time that the server asked for, and with the identifier
of the last event. A WebSocket reconnects within half a second, with the identifier as a parameter.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httptools

__all__ = ("ASKED_TO_RETURN", "Client", "DeployLoad", "Return", "Sender")

DEFAULT_RETRY_SECONDS: Final = 3.0
"""The time after which browsers connect an ``EventSource`` again that was not told another one."""

ASKED_TO_RETURN: Final = "asked to connect again"
"""How an event stream ends whose client was told when to connect again."""

LONGEST_SECONDS: Final = 60.0
"""The longest wait for clients that are to come back, or for a message."""

_WEBSOCKET_SECONDS: Final = 0.5
_REFUSED_SECONDS: Final = 0.05
_HEAD: Final = "GET {path} HTTP/1.1\r\nHost: site.example\r\n{fields}\r\n"
_UPGRADE: Final = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass(frozen=True)
class Return:
    """A client has lost its connection, and is connected again.

    Attributes:
        worker: The process that it was connected to before.
        lost_at: When the connection was lost.
        back_at: When the client was a member again.
    """

    worker: int
    lost_at: float
    back_at: float


@dataclass
class Client:
    """One client, and the messages that it has got.

    Attributes:
        kind: ``events`` or ``websocket``.
        got: The numbers of the messages; None where it was told to resync.
        returns: When it was away.
        ends: How its connections ended.
        worker: The process to which it is connected; None while it is away.
        last_id: The identifier of the last message.
    """

    kind: str
    got: list[int | None] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    worker: int | None = None
    last_id: str = ""

    def missing(self, sent: Iterable[int]) -> tuple[int, int]:
        """Return how many messages are missing: where it was told to resync, and elsewhere.

        Args:
            sent: All messages that it should have got.
        """
        numbers = [number for number in self.got if number is not None]
        if self.kind == "events":
            # The head of the response may arrive before the client is a member of the group.
            sent = [number for number in sent if number > min(numbers, default=0)]
        absent = set(sent).difference(numbers)
        told = set()
        previous = 0
        is_told = False
        for number in [*self.got, max([previous, *sent], default=0) + 1]:
            if number is None:
                is_told = True
                continue
            if is_told:
                told.update(range(previous + 1, number))
            previous, is_told = number, False
        return len(absent & told), len(absent - told)

    def disorder(self) -> int:
        """Return how many messages came twice, or after a later one."""
        numbers = [number for number in self.got if number is not None]
        return sum(after <= before for before, after in itertools.pairwise(numbers))


class DeployLoad:
    """So many clients of each kind.

    Args:
        port: Where the server listens, on 127.0.0.1.
        events: The number of event streams.
        websockets: The number of WebSockets.

    Attributes:
        clients: The clients.
        ended: When each worker's process has ended, by its number.
    """

    def __init__(self, port: int, *, events: int, websockets: int) -> None:
        self._port = port
        self.clients = [Client("events") for _ in range(events)]
        self.clients += [Client("websocket") for _ in range(websockets)]
        self.ended: dict[int, float] = {}
        self._watched: dict[int, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "DeployLoad":
        self._tasks = [asyncio.create_task(self._listen(client)) for client in self.clients]
        await self.until(lambda: all(client.worker for client in self.clients))
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for descriptor in self._watched.values():
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def workers(self) -> set[int]:
        """Return the processes to which clients are connected."""
        return {client.worker for client in self.clients if client.worker is not None}

    async def reloaded(self, reload: Callable[[], Any]) -> None:
        """Reload the server, and wait until all clients are connected to new workers.

        Args:
            reload: Has the server begin; must not block.
        """
        before = self.workers()
        reload()
        await self.until(lambda: before <= self.ended.keys())
        await self.until(
            lambda: all(client.worker not in {None, *before} for client in self.clients)
        )

    async def until_received(self, sent: Sequence[int]) -> None:
        """Wait until every client has got the last message."""
        last = sent[-1]
        await self.until(
            lambda: all(client.got and client.got[-1] == last for client in self.clients)
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition.

        Raises:
            AssertionError: It does not come true.
        """
        end = time.monotonic() + LONGEST_SECONDS
        while not condition():
            for task in self._tasks:
                if task.done():
                    task.result()
            assert time.monotonic() < end, self._state()
            await asyncio.sleep(0.02)

    def _state(self) -> str:
        clients = Counter((client.kind, client.worker) for client in self.clients)
        return f"clients {clients}, workers that ended {self.ended}"

    # --- A client -----------------------------------------------------------------------------

    async def _listen(self, client: Client) -> None:
        protocol = _Events if client.kind == "events" else _WebSocket
        lost: tuple[int, float] | None = None

        def joined(worker: int) -> None:
            nonlocal lost
            client.worker = worker
            if lost is not None:
                client.returns.append(Return(*lost, time.monotonic()))
                lost = None

        while True:
            try:
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: protocol(client, self._watch, joined), "127.0.0.1", self._port
                )
            except OSError:
                client.ends["refused"] += 1
                await asyncio.sleep(_REFUSED_SECONDS)
                continue
            try:
                client.ends[await connection.ended] += 1
            finally:
                connection.close()
            if client.worker is not None:
                lost = client.worker, time.monotonic()
                client.worker = None
            await asyncio.sleep(connection.retry_seconds())

    def _watch(self, worker: int) -> None:
        """Note when a process ends."""
        if worker in self._watched:
            return
        loop = asyncio.get_running_loop()
        descriptor = self._watched[worker] = os.pidfd_open(worker)

        def end() -> None:
            self.ended[worker] = time.monotonic()
            loop.remove_reader(descriptor)

        loop.add_reader(descriptor, end)


class _Connection(asyncio.Protocol, ABC):
    """A connection of a client.

    Args:
        client: The client.
        watch: Called with the number of the worker's process before the client has joined.
        joined: Called with it when it has.
    """

    def __init__(
        self, client: Client, watch: Callable[[int], None], joined: Callable[[int], None]
    ) -> None:
        self._client = client
        self._watch = watch
        self._joined = joined
        self._unread = b""
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self.request().encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.end("cut off")

    def end(self, how: str) -> None:
        if not self.ended.done():
            self.ended.set_result(how)

    def close(self) -> None:
        self._transport.abort()

    @abstractmethod
    def request(self) -> str:
        """Return the request, as text."""

    @abstractmethod
    def retry_seconds(self) -> float:
        """Return how long to wait before the connection is opened again."""


class _Events(_Connection):
    """An event stream, read as ``EventSource`` does (WHATWG HTML, 9.2)."""

    _seconds = DEFAULT_RETRY_SECONDS
    _worker = 0
    _is_to_return = False

    def request(self) -> str:
        self._parser = httptools.HttpResponseParser(self)
        fields = f"Last-Event-ID: {self._client.last_id}\r\n" if self._client.last_id else ""
        return _HEAD.format(path="/feed", fields=fields)

    def retry_seconds(self) -> float:
        return self._seconds

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def eof_received(self) -> None:
        self.on_message_complete()  # uWSGI's responses end with their connection

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-worker":
            self._worker = int(value)

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() != 200:
            self.end(f"status {self._parser.get_status_code()}")
            return
        self._watch(self._worker)
        self._joined(self._worker)

    def on_body(self, data: bytes) -> None:
        *events, self._unread = (self._unread + data).split(b"\n\n")
        for event in events:
            fields = dict(
                line.split(": ", 1) for line in event.decode().split("\n") if ": " in line
            )
            self._client.last_id = fields.get("id", self._client.last_id)
            if "retry" in fields:
                self._seconds = int(fields["retry"]) / 1000
                self._is_to_return = True
            if fields.get("event") == "resync":
                self._client.got.append(None)
            elif "data" in fields:
                self._client.got.append(int(fields["data"]))

    def on_message_complete(self) -> None:
        self.end(ASKED_TO_RETURN if self._is_to_return else "end of the stream")


class _WebSocket(_Connection):
    """A WebSocket (RFC 6455) whose server sends small messages in one frame each."""

    _worker = 0
    _is_open = False

    def request(self) -> str:
        path = f"/live?after={self._client.last_id}"
        return _HEAD.format(path=path, fields=_UPGRADE)

    def retry_seconds(self) -> float:
        return random.uniform(0, _WEBSOCKET_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        if not self._is_open:
            head, end, self._unread = self._unread.partition(b"\r\n\r\n")
            if not end:
                self._unread = head
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.end(f"status {head[9:12].decode()}")
                return
            self._is_open = True
        self._read_frames()

    def _read_frames(self) -> None:
        data, at = self._unread, 0
        while len(data) >= at + 2 + data[at + 1] if len(data) >= at + 2 else False:
            opcode, begin = data[at] & 0x0F, at + 2
            at = begin + data[at + 1]
            if opcode == 8:
                self.end(f"close code {int.from_bytes(data[begin : begin + 2], 'big')}")
            elif opcode == 1:
                self._take(json.loads(data[begin:at]))
        self._unread = data[at:]

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"worker": worker}:
                self._worker = worker
                self._watch(worker)
            case {"joined": True}:
                self._joined(self._worker)
            case {"resync": True}:
                self._client.got.append(None)
            case {"id": id, "data": data}:
                self._client.last_id = id
                self._client.got.append(int(data))


class Sender:
    """Sends numbered messages to the group of the clients, from a process of its own accord.

    Args:
        send: Sends a text and waits until Redis has it.
        rate: Messages a second.

    Attributes:
        sent: The numbers of the messages that Redis has acknowledged.
    """

    def __init__(self, send: Callable[[str], object], rate: float) -> None:
        self._send = send
        self._rate = rate
        self.sent: list[int] = []
        self._is_over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs, or until :meth:`end`."""
        self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await self.end()

    async def end(self) -> None:
        """Send nothing more; return when the message in progress has been acknowledged."""
        self._is_over.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._is_over.is_set():
            number = len(self.sent) + 1
            await asyncio.to_thread(self._send, str(number))
            self.sent.append(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), 1 / self._rate)
