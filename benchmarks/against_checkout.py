"""Measure the gunicorn worker of this checkout against that of another one: CPU time a request.

"Hello, world" from a synchronous view, a coroutine view, and a coroutine view whose route has a
placeholder. The workers are pinned to one processor core, wrk to another one; they are measured in
turn, in another order each round. The other checkout needs an environment of its own, ``.venv``;
``make .venv/ready`` makes it there.

Two processes that run the same code differ: in where the code and its data are in memory, and in
the order of each set. So the workers are started several times, and this checkout has two processes
each time. "x the other" is the ratio of both to the other checkout's, "x itself" that of the first
to the second: their geometric means over the starts, and in parentheses the interval within which
they are with a probability of 95 %. Twenty starts or more make it narrow.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from math import exp, log, nan, sqrt
from pathlib import Path
from statistics import NormalDist, mean, median, stdev
from typing import Any, Final

from _common.commands import ServerCommand, gunicorn
from _common.http_request import HTTPRequest
from _common.report import (
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
from _common.servers import CannotMeasureError, Server, placed, starting, two_cores
from _common.wrk import find_wrk, run_wrk

OURS: Final = "this checkout"
OTHER: Final = "the other one"
AGAIN: Final = "this checkout again"
"""A second process of the first one: the control."""

VIEWS: Final = {
    "/ordinary": "synchronous",
    "/": "coroutine",
    "/of/world": "coroutine, route with a placeholder",
}
"""The paths to ask for, and what answers there."""

BARS: Final = {"/ordinary": 1.0, "/": 1.02, "/of/world": 1.02}
"""The project's own: so much of the other checkout's CPU time at most."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop"),
)


def candidates(factory: str, checkout: Path) -> dict[str, ServerCommand]:
    """Return this checkout's worker, the other one's and the first one again, on one application.

    Args:
        factory: A function of ``application.py`` that makes the application.
        checkout: The folder of the other checkout.

    Raises:
        CannotMeasureError: The other checkout has no environment.
    """
    python = checkout / ".venv/bin/python"
    if not python.exists():
        raise CannotMeasureError(
            f"{checkout} has no environment: run 'make .venv/ready' in that checkout"
        )
    ours = gunicorn(factory, "aiopyramid_gunicorn.AsyncGunicornWorker")
    assert ours.arguments[0] == sys.executable
    other = dataclasses.replace(ours, arguments=[str(python), *ours.arguments[1:]])
    return {OURS: ours, OTHER: other, AGAIN: ours}


def in_each_order(servers: Mapping[str, Server], number: int) -> tuple[tuple[str, Server], ...]:
    """Return the servers in the order of a round: all orders follow one another.

    Args:
        servers: The servers by name.
        number: The number of the round.
    """
    orders = list(permutations(servers.items()))
    return orders[number % len(orders)]


def measured(
    commands: Mapping[str, ServerCommand],
    starts: int,
    measure: Callable[[Mapping[str, Server]], list[Sample]],
) -> list[Sample]:
    """Return what was measured with servers that are started several times.

    Args:
        commands: The servers by name.
        starts: How often to start them.
        measure: Measures running servers; returns its samples.

    Raises:
        CannotMeasureError: A server did not start, or the measurement failed.
    """
    samples: list[Sample] = []
    server_core = two_cores()[0]
    for start in range(1, starts + 1):
        progress(f"start {start} of {starts}")
        left_out: dict[str, str] = {}
        with starting(commands, left_out, core=server_core) as servers:
            if left_out:
                raise CannotMeasureError("; ".join(": ".join(pair) for pair in left_out.items()))
            samples += [{"start": start, **sample} for sample in measure(servers)]
    return samples


def measure(
    servers: Mapping[str, Server], rounds: int, seconds: int, connections: int
) -> list[Sample]:
    """Return the CPU time of each worker for a request, one sample a round and path.

    Raises:
        CannotMeasureError: wrk did not work, or some requests failed.
    """
    wrk = find_wrk()
    client_core = two_cores()[1]
    samples: list[Sample] = []
    for number in range(rounds + 1):
        progress(f"round {number} of {rounds}" if number else "warming up")
        for path in VIEWS:
            for name, server in in_each_order(servers, number):
                before = server.cpu_seconds()
                load = run_wrk(
                    *(wrk, server.port, HTTPRequest(path)),
                    seconds=seconds if number else 1,
                    connections=connections,
                    core=client_core,
                )
                if load.failures:
                    raise CannotMeasureError(f"{load.failures} requests failed on {name}")
                cost = (server.cpu_seconds() - before) / load.requests * 1e6
                if number:
                    what = {"round": number, "path": path, "server": name}
                    samples.append({**what, "cpu_microseconds": cost})
    return samples


def over_starts(
    results: Results, above: Sequence[str], below: Sequence[str], **where: Any
) -> Figure:
    """Return how many times the CPU time of one checkout is that of the other.

    Args:
        results: The results of a benchmark.
        above: The processes of the one.
        below: The processes of the other.
        **where: The samples to compare.

    Returns:
        The geometric mean over the starts, with the bounds of its 95 % confidence interval.
    """

    def typical(processes: Sequence[str], start: int) -> float:
        return mean(
            median(results.values("cpu_microseconds", start=start, server=one, **where))
            for one in processes
        )

    starts = range(1, results.parameters["starts"] + 1)
    logs = [log(typical(above, start) / typical(below, start)) for start in starts]
    middle, deviation = mean(logs), stdev(logs) if len(logs) > 1 else nan
    reach = NormalDist().inv_cdf(0.975) * deviation / sqrt(len(logs))
    return Figure(exp(middle), exp(middle - reach), exp(middle + reach))


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    columns = ["View", OURS, OTHER, "x the other", "bar", "x itself"]
    return [
        Table(
            "CPU us/request: median (smallest-largest); ratios: mean (95 % interval)",
            columns,
            [row(results, path) for path in VIEWS],
        )
    ]


def row(results: Results, path: str) -> list[str]:
    """Return a row of the table."""
    ours, other = (
        results.values("cpu_microseconds", path=path, server=name) for name in (OURS, OTHER)
    )
    ratio = over_starts(results, [OURS, AGAIN], [OTHER], path=path)
    return [
        VIEWS[path],
        Figure.of(ours).text(".1f"),
        Figure.of(other).text(".1f"),
        ratio.text(".3f"),
        verdict(ratio, at_most=BARS[path]),
        over_starts(results, [OURS], [AGAIN], path=path).text(".3f"),
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{starts} starts, {rounds} rounds of {seconds} s each, {connections} connections; ".format(
            **results.parameters
        )
        + placing(results, "wrk")
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def make_checkout_parser(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser for the options that comparisons with another checkout have in common.

    Args:
        description: The text above the options.
        rounds: How many rounds to measure after each start, unless the caller says otherwise.
    """
    parser = make_parser(description, rounds=rounds)
    parser.add_argument("checkout", type=Path, help="the folder of the other checkout")
    parser.add_argument(
        "--starts",
        type=positive,
        default=5,
        help="how often to start the servers (default: %(default)s)",
    )
    return parser


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_checkout_parser(__doc__, rounds=6)
    parser.add_argument(
        "--seconds",
        type=positive,
        default=2,
        help="how long to measure a view in a round (default: %(default)s)",
    )
    parser.add_argument(
        "--connections",
        type=positive,
        default=32,
        help="how many connections wrk keeps busy (default: %(default)s)",
    )
    options = parser.parse_args()
    try:
        samples = measured(
            candidates("hellos", options.checkout.resolve()),
            options.starts,
            lambda servers: measure(servers, options.rounds, options.seconds, options.connections),
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    options.checkout = str(options.checkout)
    report(SHOW, options, samples, **placed())


if __name__ == "__main__":
    main()
