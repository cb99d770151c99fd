"""Measure aiopyramid-asgi, compared with Starlette and a2wsgi on the same ASGI server.

Three tables: "Hello, world" on uvicorn and on granian, where the CPU time of a request counts, and
clients whose requests wait 0.1 s on uvicorn, where the rate counts. Each server has one worker,
pinned to one processor core, and runs on uvloop; wrk is pinned to another core. All servers of a
table run all the time and are measured in turn, round by round.

a2wsgi runs the application, with a synchronous view and without aiopyramid, in threads. "Pyramid,
called on the loop" is the same application called in the simplest way: it cannot wait, and shows
what of the time is Pyramid's own.
"""

import sys
from typing import Final

from _common import SHORT_WAIT_SECONDS
from _common.commands import ServerCommand, granian_asgi, uvicorn
from _common.http_request import HTTPRequest
from _common.load import Measured, measure
from _common.load_table import Bar, Comparison, load_table
from _common.report import Presentation, Table, make_parser, placing, positive, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, placed

OURS: Final = "aiopyramid-asgi"
STARLETTE: Final = "Starlette"
A2WSGI: Final = "a2wsgi, def view, no aiopyramid"
PYRAMID: Final = "Pyramid, called on the loop"

UVICORN: Final = "hello on uvicorn"
GRANIAN: Final = "hello on granian"
WAITING: Final = "waiting on uvicorn"

CONTESTS: Final[dict[str, dict[str, ServerCommand]]] = {
    UVICORN: {
        OURS: uvicorn("asgi"),
        STARLETTE: uvicorn("starlette"),
        A2WSGI: uvicorn("a2wsgi"),
        PYRAMID: uvicorn("called_on_the_loop"),
    },
    GRANIAN: {
        OURS: granian_asgi("asgi"),
        STARLETTE: granian_asgi("starlette"),
        PYRAMID: granian_asgi("called_on_the_loop"),
    },
    WAITING: {OURS: uvicorn("asgi_waiting"), STARLETTE: uvicorn("starlette_waiting")},
}

OVER_OTHERS: Final = {
    UVICORN: Comparison("our CPU x", "cpu_microseconds", {STARLETTE: Bar(1.5), A2WSGI: Bar(0.3)}),
    GRANIAN: Comparison("our CPU x", "cpu_microseconds", {STARLETTE: Bar(1.5)}),
    WAITING: Comparison("our rate x", "requests_per_second", {STARLETTE: Bar(0.95)}, more=True),
}
"""With the project's own bars."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-asgi", "greenlet", "pyramid", "a2wsgi", "granian"),
    *("httptools", "starlette", "uvicorn", "uvloop"),
)


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=5)
    for name, default, text in (
        ("seconds", 4, "how long to measure a server in a round"),
        ("connections", 32, "how many connections ask for hello"),
        ("waiting", 1000, "how many clients wait at a time"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    parser.add_argument(
        "--contest",
        choices=list(CONTESTS),
        action="append",
        help="measure only this table; may be repeated",
    )
    options = parser.parse_args()
    all_: list[Sample] = []
    left_out: dict[str, str] = {}
    try:
        for contest in options.contest or CONTESTS:
            waits = contest == WAITING
            measured: Measured = measure(
                CONTESTS[contest],
                request=HTTPRequest("/short" if waits else "/"),
                rounds=options.rounds,
                seconds=options.seconds,
                connections=options.waiting if waits else options.connections,
            )
            all_ += [{"contest": contest, **one} for one in measured.samples]
            left_out |= measured.left_out
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, all_, left_out=left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    waiting = results.parameters["waiting"]
    titles = {
        UVICORN: "Hello, world on uvicorn",
        GRANIAN: "Hello, world on granian",
        WAITING: f"{waiting:,} clients, each answer after {SHORT_WAIT_SECONDS:g} s, on uvicorn",
    }
    return [
        load_table(results, titles[contest], OURS, [OVER_OTHERS[contest]], contest=contest)
        for contest in results.names("contest")
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s, one worker on one core, {connections} connections ask for"
        " hello; ".format(**results.parameters)
        + placing(results, "wrk")
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes)


if __name__ == "__main__":
    main()
