"""Measure many requests that wait, all at once, on one worker.

Coroutine views await 0.2 s, first alone, then beside ordinary views that block for 0.2 s each. A
server that lets them all wait at the same time needs little more than these 0.2 s in all.

The client is asyncio's (aiohttp), pinned to a processor core of its own. Each request has a
connection of its own, opened before: a round that had to open one is not counted. A latency runs
from the client's wish to send to the last byte of the answer.
"""

import asyncio
import contextlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from _common import HELLO, WAIT_SECONDS
from _common.commands import gunicorn
from _common.report import (
    ABSENT,
    Figure,
    Table,
    make_parser,
    positive,
    print_report,
    progress,
    verdict,
)
from _common.servers import CannotMeasureError, Server, pinned, running, two_cores

BAR_SECONDS: Final = 0.6
"""The project's own: 200 coroutine views, with or without ordinary ones beside them."""

THREADS: Final = 40
"""gthread's: as many as AsyncGunicornWorker has for ordinary views."""

REQUEST_SECONDS: Final = 30.0
TRIES: Final = 5
"""Rounds to try until all connections are open; a server may close idle ones at any time."""

OURS: Final = "AsyncGunicornWorker"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "aiohttp"),
)


@dataclass(frozen=True)
class Group:
    """The latencies of one kind of request, in one round, in seconds."""

    least: float
    middle: float
    most: float


@dataclass(frozen=True)
class Sample:
    """One round: the seconds from the first request to the last answer, and both groups."""

    total: float
    coroutines: Group
    ordinary: Group | None


class Client:
    """An HTTP client with as many connections as it has requests at the same time."""

    def __init__(self) -> None:
        self.opened = 0
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(self._count)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            trace_configs=[trace],
        )

    async def __aenter__(self) -> "Client":
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self._session.__aexit__(None, None, None)

    async def _count(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceConnectionCreateStartParams,
    ) -> None:
        self.opened += 1

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


async def one_round(client: Client, server: Server, coroutines: int, ordinary: int) -> Sample:
    """Send all requests at once and wait for all answers.

    Raises:
        CannotMeasureError: Some requests failed, or connections had to be opened each time.
    """
    for _ in range(TRIES):
        opened = client.opened
        start = perf_counter()
        # The ordinary ones go first: if they held anything up, it would be the rest.
        latencies = await asyncio.gather(
            *(client.get(server.url("/block")) for _ in range(ordinary)),
            *(client.get(server.url("/await")) for _ in range(coroutines)),
        )
        total = perf_counter() - start
        if client.opened == opened:
            return Sample(
                total,
                group(latencies[ordinary:]),
                group(latencies[:ordinary]) if ordinary else None,
            )
    raise CannotMeasureError("The server does not keep its connections open.")


def group(latencies: Sequence[float]) -> Group:
    """Sum up the latencies of a group."""
    return Group(min(latencies), median(latencies), max(latencies))


async def measure(
    servers: dict[str, Server], rounds: int, coroutines: int, ordinary: int
) -> dict[tuple[str, int], list[Sample]]:
    """Return the samples by server and number of ordinary requests, one a round."""
    samples: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(Client()) for name in servers}
        for name, server in servers.items():
            progress(f"warming up {name}")  # opens the connections, starts the threads
            await one_round(clients[name], server, coroutines, ordinary)
        for number in range(1, rounds + 1):
            for some in (0, ordinary):
                for name, server in servers.items():
                    sample = await one_round(clients[name], server, coroutines, some)
                    samples[name, some].append(sample)
                    progress(
                        f"round {number} of {rounds}: {coroutines} + {some} requests in"
                        f" {sample.total:.3f} s  {name}"
                    )
    return samples


def result(samples: dict[tuple[str, int], list[Sample]], coroutines: int) -> Table:
    """Return the table to print, times in seconds."""
    return Table(
        f"Seconds for {coroutines} requests that await {WAIT_SECONDS:g} s, at once, on one worker:"
        " median (smallest-largest) total of the rounds; latencies: least / median / most",
        ["Server", "ordinary views beside", "total", "bar", "coroutine views", "ordinary views"],
        [
            [
                name,
                str(ordinary),
                (total := Figure.of(one.total for one in some)).text(".3f"),
                verdict(total, at_most=BAR_SECONDS) if name == OURS else ABSENT,
                latencies(one.coroutines for one in some),
                latencies(one.ordinary for one in some),
            ]
            for (name, ordinary), some in samples.items()
        ],
    )


def latencies(groups: Iterable[Group | None]) -> str:
    """Return a group's latencies: the least, the median of the medians, the most of all rounds."""
    some = [one for one in groups if one is not None]
    if not some:
        return ABSENT
    least, most = min(one.least for one in some), max(one.most for one in some)
    return f"{least:.3f} / {median(one.middle for one in some):.3f} / {most:.3f}"


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=10)
    parser.add_argument(
        "--requests",
        type=positive,
        default=200,
        help="requests to the coroutine view (default: %(default)s)",
    )
    parser.add_argument(
        "--ordinary",
        type=positive,
        default=20,
        help="requests to the ordinary view beside them (default: %(default)s)",
    )
    options = parser.parse_args()
    commands = {
        OURS: gunicorn("waiting", "aiopyramid_gunicorn.AsyncGunicornWorker"),
        f"gthread, {THREADS} threads": gunicorn("waiting", "gthread", {"threads": THREADS}),
    }
    server_core, client_core = two_cores()
    try:
        with contextlib.ExitStack() as stack:
            servers = {}
            for name, command in commands.items():
                progress(f"starting {name}")
                started = running(command, core=server_core, path="/await", body=HELLO)
                servers[name] = stack.enter_context(started)
            with pinned(client_core):
                samples = asyncio.run(
                    measure(servers, options.rounds, options.requests, options.ordinary)
                )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    pinning = f"server on core {server_core}, client on core {client_core}"
    print_report(
        [result(samples, options.requests)],
        packages=PACKAGES,
        notes=[
            f"{options.rounds} rounds; {'nothing pinned' if server_core is None else pinning}",
        ],
        markdown=options.markdown,
    )


if __name__ == "__main__":
    main()
