"""Measure many requests that wait, all at once, on one worker.

Coroutine views await 0.2 s, first alone, then beside synchronous views that block for 0.2 s each. A
server that lets them all wait at the same time needs little more than these 0.2 s in all.

The client is asyncio's (aiohttp), pinned to a processor core of its own. Each request has a
connection of its own, opened before: a round that had to open one is not counted. A latency runs
from the client's wish to send to the last byte of the answer.
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Final

from _common import WAIT_SECONDS
from _common.chart import LESS, Chart, Panel, bars
from _common.commands import gunicorn
from _common.http_client import Client
from _common.http_request import HTTPRequest
from _common.report import (
    ABSENT,
    Figure,
    Presentation,
    Table,
    make_parser,
    placing,
    positive,
    progress,
    report,
    verdict,
)
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, Server, pinned, placed, starting, two_cores

BAR_SECONDS: Final = 0.6
"""The project's own: 200 coroutine views, with or without synchronous ones beside them."""

THREADS: Final = 40
"""gthread's: as many as AsyncGunicornWorker has for synchronous views."""

TRIES: Final = 5
"""Rounds to try until all connections are open; a server may close idle ones at any time."""

OURS: Final = "AsyncGunicornWorker"
SECONDS: Final = ".3f"
"""How the figures are written."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "aiohttp"),
)


async def one_round(client: Client, server: Server, coroutines: int, ordinary: int) -> Sample:
    """Send all requests at once and wait for all answers.

    The sample has the seconds from the first request to the last answer (``total``) and, for
    each kind of view, the least, the median and the greatest latency.

    Raises:
        CannotMeasureError: Some requests failed, or connections had to be opened each time.
    """
    for _ in range(TRIES):
        opened = client.opened
        start = perf_counter()
        # The synchronous ones go first: if they held anything up, it would be the rest.
        latencies = await asyncio.gather(
            *(client.get(server.url("/block")) for _ in range(ordinary)),
            *(client.get(server.url("/await")) for _ in range(coroutines)),
        )
        total = perf_counter() - start
        if client.opened == opened:
            return {
                "beside": ordinary,
                "total": total,
                "coroutine_latencies": spread(latencies[ordinary:]),
                "ordinary_latencies": spread(latencies[:ordinary]),
            }
    raise CannotMeasureError("The server does not keep its connections open.")


def spread(latencies: Sequence[float]) -> list[float]:
    """Sum up the latencies of one kind of request."""
    return [min(latencies), median(latencies), max(latencies)] if latencies else []


async def measure(
    servers: dict[str, Server], rounds: int, coroutines: int, ordinary: int
) -> list[Sample]:
    """Return the samples of each server without and with synchronous requests, one a round."""
    samples: list[Sample] = []
    async with contextlib.AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(Client()) for name in servers}
        for name, server in servers.items():
            progress(f"warming up {name}")  # opens the connections, starts the threads
            await one_round(clients[name], server, coroutines, ordinary)
        for number in range(1, rounds + 1):
            for some in (0, ordinary):
                for name, server in servers.items():
                    sample = await one_round(clients[name], server, coroutines, some)
                    samples.append({"round": number, "server": name, **sample})
                    progress(
                        f"round {number} of {rounds}: {coroutines} + {some} requests in"
                        f" {sample['total']:.3f} s  {name}"
                    )
    return samples


def tables(results: Results) -> list[Table]:
    """Return the table to print, times in seconds."""
    title = (
        "Seconds for {requests} requests that await {wait:g} s, at once, on one worker:"
        " median (smallest-largest) total of the rounds; latencies: least / median / most"
    )
    columns = ["Server", "synchronous views beside", "total", "bar", "coroutine views"]
    rows = [
        row(results, name, beside)
        for beside in results.names("beside")
        for name in results.names("server")
    ]
    title = title.format(wait=WAIT_SECONDS, **results.parameters)
    return [Table(title, [*columns, "synchronous views"], rows)]


def row(results: Results, name: str, beside: int) -> list[str]:
    """Return a row of the table."""

    def latencies(field: str) -> str:
        spreads = results.values(field, server=name, beside=beside)
        if not all(spreads):
            return ABSENT
        least, middle, most = zip(*spreads, strict=True)
        return f"{min(least):.3f} / {median(middle):.3f} / {max(most):.3f}"

    total = Figure.of(results.values("total", server=name, beside=beside))
    return [
        name,
        str(beside),
        total.text(SECONDS),
        verdict(total, at_most=BAR_SECONDS) if name == OURS else ABSENT,
        latencies("coroutine_latencies"),
        latencies("ordinary_latencies"),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["{rounds} rounds; ".format(**results.parameters) + placing(results)]


def charts(results: Results) -> list[Chart]:
    """Return the chart."""
    titles = {
        beside: f"beside {beside} that block for as long" if beside else "alone"
        for beside in results.names("beside")
    }
    return [
        Chart(
            "concurrency",
            "{requests} requests that wait {wait:g} s".format(
                wait=WAIT_SECONDS, **results.parameters
            ),
            "seconds for all of them, sent at once",
            LESS,
            SECONDS,
            [
                Panel(title, bars(results, "total", OURS, beside=beside))
                for beside, title in titles.items()
            ],
            "{rounds} rounds, one worker on one core".format(**results.parameters),
        )
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


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
        help="requests to the synchronous view beside them (default: %(default)s)",
    )
    options = parser.parse_args()
    commands = {
        OURS: gunicorn("waiting", "aiopyramid_gunicorn.AsyncGunicornWorker"),
        f"gthread, {THREADS} threads": gunicorn("waiting", "gthread", {"threads": THREADS}),
    }
    server_core, client_core = two_cores()
    left_out: dict[str, str] = {}
    try:
        with (
            starting(
                commands, left_out, core=server_core, request=HTTPRequest("/await")
            ) as servers,
            pinned(client_core),
        ):
            samples = asyncio.run(
                measure(servers, options.rounds, options.requests, options.ordinary)
            )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


if __name__ == "__main__":
    main()
