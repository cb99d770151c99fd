"""Measure the memory of WebSockets in one worker: open, used once, and after they are closed.

Without compression and with it: an application decides by this what compression may cost. Memory is
the resident memory of the worker, as the kernel counts it. The C library keeps most of what is
freed in small pieces; the last row tells whether it is used again.
"""

import asyncio
import os
import sys
import zlib
from pathlib import Path
from typing import Any, Final

from _common.report import Figure, Table, make_parser, positive, print_report, progress
from _common.websocket_client import frame
from idle import AT_ONCE, KIBIBYTE, MEBIBYTE, OURS, Worker

HOME: Final = Path(__file__).parent
sys.path.insert(0, str(HOME.parent / "tests/support"))
from server_process import ServerProcess  # noqa: E402

PACKAGES: Final = ("aiopyramid-gunicorn", "aiopyramid-websocket", "websockets", "uvloop")
MESSAGE: Final = b"".join(b'{"id": %d, "text": "hello"}' % number for number in range(10))
HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
OFFERS: Final = {
    "no compression": b"\r\n",
    "permessage-deflate": b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
}
MOMENTS: Final = (
    "open, KiB each",
    "used once, KiB each",
    "all closed, MiB more than before any",
    "as many opened and used again, MiB more than with the first",
)


def application() -> Any:
    from pyramid.config import Configurator

    async def echo(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)

    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("ws", "/ws")
    config.add_websocket_view(echo, route_name="ws")
    return config.make_wsgi_app()


def compressed(payload: bytes) -> bytes:
    """Return a frame with a compressed message (RFC 7692, 7.2.1)."""
    deflate = zlib.compressobj(wbits=-12)
    data = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
    whole = bytearray(frame(data[:-4], text=True))
    whole[0] |= 0x40
    return bytes(whole)


class Client:
    """A WebSocket, as far as it is needed here."""

    async def open(self, port: int, offer: bytes) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(HANDSHAKE + offer)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self._deflate = b"permessage-deflate" in head

    async def use(self) -> None:
        self.writer.write(compressed(MESSAGE) if self._deflate else frame(MESSAGE, text=True))
        await self.reader.readexactly(2)
        assert await self.reader.read(1 << 16)

    async def close(self) -> None:
        self.writer.close()


async def in_turns(calls: list[Any]) -> None:
    for begin in range(0, len(calls), AT_ONCE):
        await asyncio.gather(*(call() for call in calls[begin : begin + AT_ONCE]))


async def measure(worker: Worker, port: int, offer: bytes, count: int) -> list[float]:
    """Return one figure for each moment."""

    def opens(clients: list[Client]) -> list[Any]:
        return [lambda each=each: each.open(port, offer) for each in clients]

    warm = [Client() for _ in range(AT_ONCE)]
    for calls in (opens(warm), [each.use for each in warm], [each.close for each in warm]):
        await in_turns(calls)
    await deserted(worker, at_most=AT_ONCE)
    before, descriptors = worker.resident_bytes(), worker.descriptors()
    opened, used, closed = [], [], []
    for _ in range(2):
        clients = [Client() for _ in range(count)]
        await in_turns(opens(clients))
        opened.append(worker.resident_bytes())
        await in_turns([each.use for each in clients])
        used.append(worker.resident_bytes())
        await in_turns([each.close for each in clients])
        await deserted(worker, at_most=descriptors)
        closed.append(worker.resident_bytes())
    return [
        (opened[0] - before) / count / KIBIBYTE,
        (used[0] - before) / count / KIBIBYTE,
        (closed[0] - before) / MEBIBYTE,
        (used[1] - used[0]) / MEBIBYTE,
    ]


async def deserted(worker: Worker, at_most: int) -> None:
    """Wait until the worker has closed its side."""
    while worker.descriptors() > at_most:
        await asyncio.sleep(0.05)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument(
        "--connections", type=positive, default=1_000, help="how many (default: %(default)s)"
    )
    arguments = parser.parse_args()
    command = ["gunicorn", "--worker-class", OURS, "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += ["--worker-connections", str(arguments.connections + 10)]
    figures: dict[str, list[list[float]]] = {name: [] for name in OFFERS}
    for number in range(arguments.rounds):
        for name, offer in OFFERS.items():
            server = ServerProcess("gunicorn", [*command, "websocket_memory:application()"], {})
            try:
                worker = Worker(int(server.said(r"Booting worker with pid: (\d+)")[1]))
                port = int(server.site.rpartition(":")[2])
                got = asyncio.run(measure(worker, port, offer, arguments.connections))
            finally:
                server.close()
            progress(f"round {number + 1}, {name}: {got}")
            figures[name].append(got)
    rows = [
        [moment, *(Figure.of(got[index] for got in all_).text(".1f") for all_ in figures.values())]
        for index, moment in enumerate(MOMENTS)
    ]
    title = f"{arguments.connections:,} WebSockets in one worker"
    print_report(
        [Table(title, ["", *figures], rows)],
        packages=PACKAGES,
        notes=["memory as the kernel counts it; nothing pinned"],
        markdown=arguments.markdown,
    )


if __name__ == "__main__":
    os.chdir(HOME)
    main()
