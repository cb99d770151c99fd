"""Measure the memory of one worker over many requests.

The figure is the resident memory of the worker process, as the kernel counts it, in mebibytes. It
grows at first: greenlets and threads are made, caches fill, each thread gets memory of its own to
allocate from. The growth over the second half shows whether it then stays the same. It is given for
1,000 requests.

The client is asyncio's, on a processor core of its own; so many connections always have a request
under way. All requests of a server are alike; the application holds nothing from one to the next.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

from _common import HELLO
from _common.commands import ServerCommand, gunicorn, waitress
from _common.report import Presentation, Table, make_parser, placing, positive, progress, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, Server, pinned, placed, running, two_cores

STEPS: Final = 10
"""How often the memory is looked at, the beginning not counted."""

THREADS: Final = 40
"""gthread's and waitress's: as many as AsyncGunicornWorker has for synchronous views."""

STEP_SECONDS: Final = 600.0
MEBIBYTE: Final = 1 << 20
KIBIBYTE: Final = 1 << 10

OURS: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "waitress"),
)
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def candidates() -> dict[str, ServerCommand]:
    """Return the servers to measure; the last ones show what is Python's and Pyramid's own."""
    return {
        "AsyncGunicornWorker": gunicorn("coroutine", OURS),
        "AsyncGunicornWorker, def view": gunicorn("ordinary", OURS),
        "waitress, same application": waitress("coroutine", threads=THREADS),
        "gthread, def view, no aiopyramid": gunicorn(
            "without_aiopyramid", "gthread", {"threads": THREADS}
        ),
    }


class Connection(asyncio.Protocol):
    """Sends the next request as soon as it has the answer to the last.

    Nothing is parsed: an answer ends with the body that every view gives.
    """

    def __init__(self, left: "Left") -> None:
        self._left = left
        self._answer = b""
        self._ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n" + HELLO):
            if not self._answer.startswith(b"HTTP/1.1 200 "):
                self._fail(f"answered {self._answer[:80]!r}")
                return
            self._answer = b""
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """Fail, unless all was done."""
        self._fail(f"closed the connection ({error!r})")

    async def ended(self) -> None:
        """Wait until there are no more requests to send."""
        await self._ended

    def _next(self) -> None:
        if self._left.take():
            self._transport.write(REQUEST)
        elif not self._ended.done():
            self._ended.set_result(None)
            self._transport.close()

    def _fail(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(CannotMeasureError(f"The server {why}"))
            self._transport.close()


@dataclass
class Left:
    """How many requests are still to be sent, over all connections."""

    requests: int

    def take(self) -> bool:
        """Take one, if there is one left."""
        self.requests -= 1
        return self.requests >= 0


async def send(server: Server, requests: int, connections: int) -> None:
    """Send requests, so many at a time.

    Raises:
        CannotMeasureError: One was not answered, or wrongly.
    """
    left, loop = Left(requests), asyncio.get_running_loop()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            made = await asyncio.gather(
                *(
                    loop.create_connection(lambda: Connection(left), "127.0.0.1", server.port)
                    for _ in range(connections)
                )
            )
            await asyncio.gather(*(protocol.ended() for _, protocol in made))
    except (OSError, TimeoutError) as error:
        raise CannotMeasureError(f"The server does not answer: {error!r}") from error


def measure(name: str, server: Server, requests: int, connections: int) -> list[int]:
    """Return the memory of a server before the requests and after each step, in bytes."""
    samples = [server.resident_bytes()]
    for step in range(1, STEPS + 1):
        asyncio.run(send(server, requests // STEPS, connections))
        samples.append(server.resident_bytes())
        progress(f"{requests // STEPS * step} requests: {samples[-1] / MEBIBYTE:.1f} MiB  {name}")
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    requests, connections = results.parameters["requests"], results.parameters["connections"]
    shown = [0, 1, 2, 5, 8, 10]
    title = "Resident memory of the worker in MiB, after so many requests, {} at a time"
    steps = [f"{requests // STEPS * step:,}" for step in shown]
    rows = []
    for name in results.names("server"):
        memory = results.values("resident_bytes", server=name)
        growth = f"{growth_kibibytes(memory, requests):.2f} KiB"
        rows.append([name, *(f"{memory[step] / MEBIBYTE:.1f}" for step in shown), growth])
    columns = ["Server", *steps, "growth per 1,000, second half"]
    return [Table(title.format(connections), columns, rows)]


def growth_kibibytes(samples: list[float], requests: int) -> float:
    """Return the growth for 1,000 requests, over the second half of all."""
    half = STEPS // 2
    return (samples[-1] - samples[half]) / KIBIBYTE / (requests / STEPS * half) * 1000


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [placing(results)]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=None)
    parser.add_argument(
        "--requests",
        type=positive,
        default=100_000,
        help="how many requests to send to each server (default: %(default)s)",
    )
    parser.add_argument(
        "--connections",
        type=positive,
        default=32,
        help="how many of them at a time (default: %(default)s)",
    )
    options = parser.parse_args()
    server_core, client_core = two_cores()
    samples: list[Sample] = []
    left_out: dict[str, str] = {}
    for name, command in candidates().items():
        progress(f"starting {name}")
        try:
            with (
                running(command, core=server_core) as server,
                pinned(client_core),
            ):
                memory = measure(name, server, options.requests, options.connections)
        except CannotMeasureError as error:
            if not samples:
                sys.exit(f"Cannot measure: {error}")
            progress(f"{name} is left out: {error}")
            left_out[name] = str(error)
            continue
        samples += [
            {"server": name, "requests": options.requests // STEPS * step, "resident_bytes": one}
            for step, one in enumerate(memory)
        ]
    report(SHOW, options, samples, left_out=left_out, **placed())


if __name__ == "__main__":
    main()
