"""Measure 1,000 clients whose requests all wait 0.1 s, on one worker.

Ideally 1,000 clients that get their answers after 0.1 s make 10,000 requests a second. wrk plays
the clients: each sends its next request as soon as it has its answer. Server and wrk are pinned to
a processor core each, and all servers are measured in turn, round by round.

Servers with a thread for each waiting request are left out: 1,000 threads are too many for this,
and 40 of them serve 400 requests a second.
"""

import sys
from typing import Final

from _common import SHORT_WAIT_SECONDS
from _common.chart import LESS, MORE, Chart, Panel, bars
from _common.commands import gunicorn, uvicorn
from _common.http_request import HTTPRequest
from _common.load import measure
from _common.load_table import Bar, Comparison
from _common.report import (
    ABSENT,
    Figure,
    Presentation,
    Table,
    make_parser,
    placing,
    positive,
    report,
    verdict,
)
from _common.results import Results
from _common.servers import CannotMeasureError, placed

BAR_RATE: Final = 0.95
"""The project's own: so much of the ideal rate, or Starlette's if that is lower."""

BAR_LATENCY: Final = 1.5
"""The project's own: 99 of 100 answers come within so many times the best server's p99."""

OURS: Final = "AsyncGunicornWorker"
PEER: Final = "Starlette on uvicorn"

OVER_OTHERS: Final = Comparison(
    "our rate x", "requests_per_second", {PEER: Bar(1.15, 1.25)}, more=True
)
"""With the project's own bar: at least so many times Starlette's rate."""

RATE: Final = ",.0f"
LATENCY: Final = ",.0f"
"""How their figures are written."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-gunicorn-fast"),
    *("greenlet", "pyramid", "gunicorn"),
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
        measured = measure(
            commands,
            request=HTTPRequest("/short"),
            rounds=options.rounds,
            seconds=options.seconds,
            connections=options.clients,
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, measured.samples, left_out=measured.left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    clients = results.parameters["clients"]
    ideal = clients / SHORT_WAIT_SECONDS
    rates, slowest = (
        {name: results.values(field, server=name) for name in results.names("server")}
        for field in ("requests_per_second", "p99_milliseconds")
    )
    shares = {name: Figure.of(rate / ideal for rate in some) for name, some in rates.items()}
    best = [min(of_round) for of_round in zip(*slowest.values(), strict=True)]
    least = min(BAR_RATE, shares[PEER].median) if PEER in shares else BAR_RATE
    rows = []
    for name, rate in rates.items():
        judged = name == OURS
        ratio = Figure.ratio(slowest[name], best)
        rows.append(
            [
                name,
                Figure.of(rate).text(RATE),
                shares[name].text(".1%"),
                verdict(shares[name], at_least=round(least, 3)) if judged else ABSENT,
                Figure.of(results.values("p50_milliseconds", server=name)).text(LATENCY),
                Figure.of(slowest[name]).text(LATENCY),
                ratio.text(),
                verdict(ratio, at_most=BAR_LATENCY) if judged else ABSENT,
                Figure.of(results.values("cpu_microseconds", server=name)).text(".0f"),
                *OVER_OTHERS.cells(name, rates[OURS], rate),
            ]
        )
    title = (
        f"{clients:,} clients, each answer after {SHORT_WAIT_SECONDS:g} s, one worker on one core;"
        " median (smallest-largest) of the rounds"
    )
    columns = ["Server", "requests/s", "of the ideal", "bar", "p50 ms", "p99 ms", "x best p99"]
    columns += ["bar", "CPU us/request", *OVER_OTHERS.columns()]
    return [Table(title, columns, rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s; ".format(**results.parameters) + placing(results, "wrk")
    ]


def charts(results: Results) -> list[Chart]:
    """Return the charts."""
    clients = results.parameters["clients"]
    note = (
        "{rounds} rounds of {seconds} s, one core,".format(**results.parameters)
        + f" each request waits {SHORT_WAIT_SECONDS:g} s"
    )

    def panels(field: str) -> list[Panel]:
        return [Panel("", bars(results, field, OURS))]

    return [
        Chart(
            "waiting-rate",
            f"{clients:,} waiting clients: requests",
            f"requests/s, at best {clients / SHORT_WAIT_SECONDS:,.0f}",
            MORE,
            RATE,
            panels("requests_per_second"),
            note,
        ),
        Chart(
            "waiting-p99",
            f"{clients:,} waiting clients: p99 latency",
            f"ms, at best {SHORT_WAIT_SECONDS * 1000:.0f}",
            LESS,
            LATENCY,
            panels("p99_milliseconds"),
            note,
        ),
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


if __name__ == "__main__":
    main()
