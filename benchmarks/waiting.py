"""Measure 1,000 clients whose requests all wait 0.1 s, on one worker.

Ideally 1,000 clients that get their answers after 0.1 s make 10,000 requests a second. wrk plays
the clients: each sends its next request as soon as it has its answer. Server and wrk are pinned to
a processor core each, and all servers are measured in turn, round by round.

Servers with a thread for each waiting request are left out: 1,000 threads are no match for this,
and 40 of them serve 400 requests a second.
"""

import sys
from typing import Final

from _common import SHORT_WAIT_SECONDS
from _common.commands import gunicorn, uvicorn
from _common.load import Sample, measure, pinning
from _common.report import (
    ABSENT,
    Figure,
    Table,
    make_parser,
    positive,
    print_report,
    verdict,
)
from _common.servers import CannotMeasureError

BAR_RATE: Final = 0.95
"""The project's own: so much of the ideal rate, or Starlette's if that is lower."""

BAR_LATENCY: Final = 1.5
"""The project's own: 99 of 100 answers come within so many times the best server's p99."""

OURS: Final = "AsyncGunicornWorker"
PEER: Final = "Starlette on uvicorn"
PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "gevent", "uvicorn", "starlette"),
)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument(
        "--seconds",
        type=positive,
        default=5,
        help="how long to measure a server in a round (default: %(default)s)",
    )
    parser.add_argument(
        "--clients", type=positive, default=1000, help="how many (default: %(default)s)"
    )
    options = parser.parse_args()
    # A server that counts its connections must let all of them in.
    room = {"worker-connections": 2 * options.clients}
    commands = {
        OURS: gunicorn("waiting", "aiopyramid_gunicorn.AsyncGunicornWorker", room),
        "gevent, def view, no aiopyramid": gunicorn("waiting_without_aiopyramid", "gevent", room),
        PEER: uvicorn("starlette_waiting"),
    }
    try:
        samples = measure(
            commands,
            path="/short",
            rounds=options.rounds,
            seconds=options.seconds,
            connections=options.clients,
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    print_report(
        [result(samples, options.clients)],
        packages=PACKAGES,
        notes=[f"{options.rounds} rounds of {options.seconds} s; {pinning()}"],
        markdown=options.markdown,
    )


def result(samples: dict[str, list[Sample]], clients: int) -> Table:
    """Return the table to print."""
    ideal = clients / SHORT_WAIT_SECONDS
    shares = {name: [one.per_second / ideal for one in some] for name, some in samples.items()}
    slowest = {
        name: [one.load.latencies_seconds[99] * 1000 for one in some]
        for name, some in samples.items()
    }
    best = [min(of_round) for of_round in zip(*slowest.values(), strict=True)]
    least = min(BAR_RATE, Figure.of(shares[PEER]).median)
    rows = []
    for name, some in samples.items():
        judged = name == OURS
        share, ratio = Figure.of(shares[name]), Figure.ratio(slowest[name], best)
        rows.append(
            [
                name,
                Figure.of(one.per_second for one in some).text(",.0f"),
                share.text(".1%"),
                verdict(share, at_least=round(least, 3)) if judged else ABSENT,
                Figure.of(one.load.latencies_seconds[50] * 1000 for one in some).text(".0f"),
                Figure.of(slowest[name]).text(".0f"),
                ratio.text(),
                verdict(ratio, at_most=BAR_LATENCY) if judged else ABSENT,
                Figure.of(one.cpu_microseconds for one in some).text(".0f"),
            ]
        )
    return Table(
        f"{clients:,} clients, each answer after {SHORT_WAIT_SECONDS:g} s, one worker on one core;"
        " median (smallest-largest) of the rounds",
        [
            *("Server", "requests/s", "of the ideal", "bar", "p50 ms", "p99 ms", "x best p99"),
            *("bar", "CPU us/request"),
        ],
        rows,
    )


if __name__ == "__main__":
    main()
