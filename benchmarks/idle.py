"""Measure one worker that holds thousands of idle connections and serves a few hundred others.

The idle ones are connected and asked once, then kept alive to the end. The active ones share a rate
of requests, evenly spread, so that the latency is that of a worker with time to breathe; raise
``--rate`` to see it without. Memory is the resident memory of the worker, as the kernel counts it.
"""

import argparse
import asyncio
import math
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from _common import HELLO
from _common.report import Presentation, Table, make_parser, positive, progress, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, allow_connections

HOME: Final = Path(__file__).parent
sys.path.insert(0, str(HOME.parent / "tests/support"))
from server_process import ServerProcess  # noqa: E402

OURS: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop"),
)
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
ANSWER_SECONDS: Final = 30.0
AT_ONCE: Final = 100
"""Connections made at the same time: fewer than any backlog."""

SHARES: Final = (0.5, 0.99, 0.999, 1.0)
"""Percentiles of the latency."""

SAMPLES: Final = 20
"""How often memory is looked at while the load goes on."""

KIBIBYTE: Final = 1 << 10
MEBIBYTE: Final = 1 << 20


class Connection(asyncio.Protocol):
    """Sends a request when told to; an answer ends with the body that the view gives."""

    def __init__(self) -> None:
        self._answer = b""
        self._answered: asyncio.Future[None] | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._answer += data
        waiter = self._answered
        if self._answer.endswith(b"\r\n\r\n" + HELLO) and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody was to close it."""
        self.lost = True
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionResetError())

    async def ask(self) -> float:
        """Send a request; return how many seconds the answer took.

        Raises:
            OSError: The connection is gone.
            TimeoutError: There was no answer.
        """
        if self.lost:
            raise ConnectionResetError
        self._answer, self._answered = b"", asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self._transport.write(REQUEST)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._answered
        return time.perf_counter() - started


@dataclass
class Worker:
    """The worker's process, as the kernel sees it."""

    pid: int

    def resident_bytes(self) -> int:
        """Return its resident memory."""
        fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """Return how many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """The measured values."""

    memory: list[int] = field(default_factory=list)
    bytes_per_connection: float = 0.0
    descriptors: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: int = 0
    idle_lost: int = 0
    idle_answered: int = 0


async def measure(worker: Worker, port: int, arguments: argparse.Namespace) -> Figures:
    """Connect the idle, run the active, then ask the idle ones again."""
    figures = Figures()
    active = await connect(port, arguments.active)
    before, descriptors = worker.resident_bytes(), worker.descriptors()
    idle = await connect(port, arguments.idle)
    figures.bytes_per_connection = (worker.resident_bytes() - before) / arguments.idle
    figures.descriptors = worker.descriptors()
    assert figures.descriptors - descriptors == arguments.idle
    progress(f"{len(idle)} idle, {figures.bytes_per_connection / KIBIBYTE:.1f} KiB each")

    end = time.monotonic() + arguments.minutes * 60
    started, cpu = time.monotonic(), worker.cpu_seconds()
    load = asyncio.gather(*(keep_asking(each, end, arguments, figures) for each in active))
    step = arguments.minutes * 60 / SAMPLES
    figures.memory.append(worker.resident_bytes())
    for _ in range(SAMPLES):
        await asyncio.sleep(step)
        figures.memory.append(worker.resident_bytes())
        progress(f"{len(figures.latencies)} answers, {figures.memory[-1] / MEBIBYTE:.1f} MiB")
    await load
    figures.seconds = time.monotonic() - started
    figures.cpu_seconds = worker.cpu_seconds() - cpu
    figures.idle_lost = sum(each.lost for each in idle)
    answers = await asyncio.gather(*(each.ask() for each in idle), return_exceptions=True)
    figures.idle_answered = sum(isinstance(each, float) for each in answers)
    return figures


async def connect(port: int, count: int) -> list[Connection]:
    """Make connections, and ask once over each."""
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    while len(connections) < count:
        some = min(AT_ONCE, count - len(connections))
        made = await asyncio.gather(
            *(loop.create_connection(Connection, "127.0.0.1", port) for _ in range(some))
        )
        await asyncio.gather(*(protocol.ask() for _, protocol in made))
        connections += [protocol for _, protocol in made]
    return connections


async def keep_asking(
    connection: Connection, end: float, arguments: argparse.Namespace, figures: Figures
) -> None:
    """Ask over one connection, at its share of the rate, until the end."""
    pause = arguments.active / arguments.rate
    due = time.monotonic() + pause * (id(connection) // 16 % 1000) / 1000
    while due < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        try:
            figures.latencies.append(await connection.ask())
        except (OSError, TimeoutError):
            figures.failures += 1
            return
        due = max(due + pause, time.monotonic())


def percentile(values: list[float], share: float) -> float:
    """Return the value below which such a share of all are."""
    return values[min(len(values) - 1, math.ceil(len(values) * share) - 1)]


def sample(figures: Figures) -> Sample:
    """Return the figures as they are kept: of half a million latencies, those that are shown."""
    ordered = sorted(figures.latencies)
    return {
        "requests": len(ordered),
        "seconds": figures.seconds,
        "cpu_seconds": figures.cpu_seconds,
        "latency_milliseconds": [1000 * percentile(ordered, share) for share in SHARES],
        "failures": figures.failures,
        "bytes_per_connection": figures.bytes_per_connection,
        "resident_bytes": figures.memory,
        "descriptors": figures.descriptors,
        "idle_lost": figures.idle_lost,
        "idle_answered": figures.idle_answered,
    }


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    idle, active = results.parameters["idle"], results.parameters["active"]
    (one,) = results.samples
    requests, seconds, memory = one["requests"], one["seconds"], one["resident_bytes"]
    latency = [f"{each:.2f} ms" for each in one["latency_milliseconds"]]
    growth = (memory[-1] - memory[SAMPLES // 2]) / KIBIBYTE
    rows = [
        ["requests answered", f"{requests:,} in {seconds:.0f} s"],
        ["requests a second", f"{requests / seconds:,.0f}"],
        ["CPU time a request", f"{1e6 * one['cpu_seconds'] / requests:.0f} us"],
        ["latency: median, p99, p99.9, most", " / ".join(latency)],
        ["requests failed", str(one["failures"])],
        ["memory an idle connection", f"{one['bytes_per_connection'] / KIBIBYTE:.1f} KiB"],
        ["memory at the beginning", f"{memory[0] / MEBIBYTE:.1f} MiB"],
        ["memory in the middle", f"{memory[SAMPLES // 2] / MEBIBYTE:.1f} MiB"],
        ["memory at the end", f"{memory[-1] / MEBIBYTE:.1f} MiB"],
        ["growth over the second half", f"{growth:.0f} KiB"],
        ["descriptors", f"{one['descriptors']:,}"],
        ["idle connections lost", f"{one['idle_lost']} of {idle:,}"],
        ["idle connections that answer at the end", f"{one['idle_answered']:,}"],
    ]
    title = f"{idle:,} idle and {active} active connections, one worker"
    return [Table(title, ["", "AsyncGunicornWorker"], rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["the client is one process; nothing pinned"]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, rounds=None)
    counts = {
        "idle": (5_000, "idle connections"),
        "active": (200, "active connections"),
        "rate": (1_000, "requests a second over all active connections"),
        "minutes": (10, "how long"),
    }
    for name, (default, text) in counts.items():
        kind = float if name == "minutes" else positive
        parser.add_argument(
            f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)s)"
        )
    arguments = parser.parse_args()
    connections = arguments.idle + arguments.active
    try:
        allow_connections(connections)
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    command = ["gunicorn", "--worker-class", OURS, "--bind", "127.0.0.1:0", "--no-control-socket"]
    command += ["--keep-alive", "86400", "--worker-connections", str(connections + 10)]
    server = ServerProcess(
        "gunicorn", [*command, "application:coroutine()"], {"PYTHONPATH": str(HOME)}
    )
    try:
        worker = Worker(int(server.said(r"Booting worker with pid: (\d+)")[1]))
        port = int(server.site.rpartition(":")[2])
        figures = asyncio.run(measure(worker, port, arguments))
    finally:
        server.close()
    report(SHOW, arguments, [sample(figures)])


if __name__ == "__main__":
    main()
