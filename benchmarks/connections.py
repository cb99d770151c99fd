"""Measure 4,000 busy connections to one worker: CPU time a request, and how late answers are.

"Hello, world" from a coroutine view, on AsyncGunicornWorker and on uvicorn. Both servers have a
backlog into which all connections fit: the system repeats packets for those that do not, which
takes a second.

The first table is of wrk's load. As many requests as there are connections should wait for their
turn. But wrk's percentiles lack those that were not answered, for example because the server has
not accepted the connection: the notes say how many had a request under way on average, which is the
rate times the mean latency. So latencies are compared in the second table, of connections that are
all open before the first request. A server that is fair to them has a p99 not far above its p50,
and gives all of them as many answers. The client takes as much time as the server there, so the
rates are lower.

"our CPU x" and "our p99 x" are AsyncGunicornWorker's figures over uvicorn's.
"""

import sys
from collections.abc import Mapping
from typing import Final

import uvloop
from _common.commands import ServerCommand, gunicorn, uvicorn
from _common.load_options import load_notes, make_load_parser, measure_chosen
from _common.load_table import Bar, Comparison, load_table
from _common.open_connections import keep_busy
from _common.report import Figure, Presentation, Table, progress, report
from _common.results import Results, Sample
from _common.servers import (
    CannotMeasureError,
    allow_connections,
    pinned,
    placed,
    starting,
    two_cores,
)

OURS: Final = "AsyncGunicornWorker"
PEER: Final = "Starlette on uvicorn"

OVER_PEER: Final = Comparison("our CPU x", "cpu_microseconds", {PEER: Bar(1.2, 1.0)})
LATER_THAN_PEER: Final = Comparison("our p99 x", "p99_milliseconds", {PEER: Bar(1.5, 1.0)})
"""With the project's own bars."""

BY_WRK: Final = "wrk"
ALL_OPEN: Final = "all open before"

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-gunicorn-fast"),
    *("greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "uvicorn", "starlette"),
)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    options = make_load_parser(__doc__, connections=4000).parse_args()
    room = {"backlog": 2 * options.connections}
    # A server that counts its connections must let all of them in, and the next run's as well.
    ours = {"worker-connections": 2 * options.connections, **room}
    commands = {
        OURS: gunicorn("coroutine", "aiopyramid_gunicorn.AsyncGunicornWorker", ours),
        PEER: uvicorn("starlette", room),
    }
    try:
        measured = measure_chosen(commands, options)
        samples = [{"load": BY_WRK, **one} for one in measured.samples]
        samples += uvloop.run(
            measure_latencies(commands, options.rounds, options.connections, options.seconds)
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=measured.left_out, **placed())


async def measure_latencies(
    commands: Mapping[str, ServerCommand], rounds: int, connections: int, seconds: int
) -> list[Sample]:
    """Return a sample of each server for each round, with connections that are open before."""
    allow_connections(connections)
    server_core, client_core = two_cores()
    samples: list[Sample] = []
    with starting(commands, {}, core=server_core) as servers, pinned(client_core):
        for number in range(1, rounds + 1):
            for name, server in servers.items():
                try:
                    one = await keep_busy(server.url(""), connections, seconds)
                except (OSError, TimeoutError) as error:
                    raise CannotMeasureError(f"{name}: {error!r}\n{server.log_lines()}") from error
                samples.append({"load": ALL_OPEN, "round": number, "server": name, **one})
                progress(
                    f"round {number} of {rounds}: {one['p99_milliseconds']:5,.0f} ms p99  {name}"
                )
    return samples


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    connections = f"{results.parameters['connections']:,} busy connections"
    title = f"{connections}, one worker on one core"
    return [
        load_table(results, title, OURS, [OVER_PEER], load=BY_WRK),
        latency_table(results, f"{connections} that are open before the first request"),
    ]


def latency_table(results: Results, title: str) -> Table:
    """Return the table of the latencies."""
    rows = []
    for name in results.names("server", load=ALL_OPEN):

        def values(field: str, server: str = name) -> list[float]:
            return results.values(field, server=server, load=ALL_OPEN)

        p99, ours = values("p99_milliseconds"), values("p99_milliseconds", OURS)
        rows.append(
            [
                name,
                Figure.of(values("requests_per_second")).text(",.0f"),
                f"{min(values('fewest')):.0f} to {max(values('most')):.0f}",
                Figure.of(values("p50_milliseconds")).text(",.0f"),
                Figure.of(p99).text(",.0f"),
                f"{max(values('slowest_milliseconds')):,.0f}",
                *LATER_THAN_PEER.cells(name, ours, p99),
            ]
        )
    columns = ["Server", "requests/s", "answers to a connection", "p50 ms", "p99 ms", "slowest ms"]
    return Table(title, [*columns, *LATER_THAN_PEER.columns()], rows)


def notes(results: Results) -> list[str]:
    """Return how it was measured, and how many connections wrk kept busy."""
    lines = []
    for name in results.names("server", load=BY_WRK):
        rates = results.values("requests_per_second", server=name, load=BY_WRK)
        means = results.values("mean_milliseconds", server=name, load=BY_WRK)
        busy = [rate * mean / 1000 for rate, mean in zip(rates, means, strict=True)]
        lines.append(
            f"with wrk, {Figure.of(busy).text(',.0f')} connections had a request under way on"
            f" {name}, on average"
        )
    return [*load_notes(results), *lines]


SHOW: Final = Presentation(PACKAGES, tables, notes)


if __name__ == "__main__":
    main()
