"""Measure the memory of WebSockets in one worker: open, used once, and after they are closed.

Without compression and with it: an application decides by this what compression may cost. Memory is
the resident memory of the worker, as the kernel counts it. The C library keeps most of what is
freed in small pieces; the last row tells whether it is used again.
"""

import asyncio
import sys
import zlib
from pathlib import Path
from typing import Any, Final

from _common.chart import LESS, Bar, Chart, Panel
from _common.report import Figure, Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, allow_connections
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
MOMENTS: Final = {
    "open_kibibytes": "open, KiB each",
    "used_kibibytes": "used once, KiB each",
    "closed_mebibytes": "all closed, MiB more than before any",
    "again_mebibytes": "as many opened and used again, MiB more than with the first",
}
"""The measured values, with their names in the table."""

MEMORY: Final = ".1f"
"""How the figures are written."""


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


async def measure(worker: Worker, port: int, offer: bytes, count: int) -> Sample:
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
    return {
        "open_kibibytes": (opened[0] - before) / count / KIBIBYTE,
        "used_kibibytes": (used[0] - before) / count / KIBIBYTE,
        "closed_mebibytes": (closed[0] - before) / MEBIBYTE,
        "again_mebibytes": (used[1] - used[0]) / MEBIBYTE,
    }


async def deserted(worker: Worker, at_most: int) -> None:
    """Wait until the worker has closed its side."""
    while worker.descriptors() > at_most:
        await asyncio.sleep(0.05)


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    extensions = results.names("extension")
    rows = [
        [
            text,
            *(
                Figure.of(results.values(moment, extension=each)).text(MEMORY)
                for each in extensions
            ),
        ]
        for moment, text in MOMENTS.items()
    ]
    title = "{connections:,} WebSockets in one worker".format(**results.parameters)
    return [Table(title, ["", *extensions], rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds; memory as the kernel counts it; nothing pinned".format(
            **results.parameters
        )
    ]


def charts(results: Results) -> list[Chart]:
    """Return the chart."""
    panels = [
        Panel(
            title,
            [
                Bar(each, results.values(moment, extension=each), True)
                for each in results.names("extension")
            ],
        )
        for moment, title in (("open_kibibytes", "open"), ("used_kibibytes", "used once"))
    ]
    title = "{connections:,} WebSockets: memory".format(**results.parameters)
    note = "{rounds} rounds, AsyncGunicornWorker".format(**results.parameters)
    return [Chart("websocket_memory", title, "KiB/connection", LESS, MEMORY, panels, note)]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument(
        "--connections", type=positive, default=1_000, help="how many (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        allow_connections(arguments.connections)
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    command = ["gunicorn", "--worker-class", OURS, "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += ["--worker-connections", str(arguments.connections + 10)]
    samples: list[Sample] = []
    home = {"PYTHONPATH": str(HOME)}
    for number in range(1, arguments.rounds + 1):
        for name, offer in OFFERS.items():
            server = ServerProcess("gunicorn", [*command, "websocket_memory:application()"], home)
            try:
                worker = Worker(int(server.said(r"Booting worker with pid: (\d+)")[1]))
                port = int(server.site.rpartition(":")[2])
                got = asyncio.run(measure(worker, port, offer, arguments.connections))
            finally:
                server.close()
            samples.append({"round": number, "extension": name, **got})
            progress(f"round {number} of {arguments.rounds}: {samples[-1]}")
    report(SHOW, arguments, samples)


if __name__ == "__main__":
    main()
