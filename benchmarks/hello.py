"""Measure "Hello, world" on several servers: requests a second, and CPU time a request.

Each server has one worker, pinned to one processor core; wrk is pinned to another one and keeps
some connections busy. All servers run all the time and are measured in turn, round by round: what
disturbs the machine then disturbs them all.

"core used" is the server's share of its core, 100 % in an undisturbed run. Where it is less, other
processes took the core away, or wrk was the bottleneck: then the CPU time a request says more,
though busy neighbours make that longer, too.

"our rate x" is AsyncGunicornWorker's rate over the server's, "its CPU x" the server's CPU time over
AsyncGunicornWorker's: above 1, AsyncGunicornWorker is better.
"""

import sys
from typing import Final

from _common.chart import LESS, MORE, Chart, Panel, bars
from _common.commands import (
    CannotBuild,
    ServerCommand,
    find_uwsgi,
    granian,
    gunicorn,
    uvicorn,
    uwsgi,
    waitress,
)
from _common.load import measure
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
from _common.results import Results
from _common.servers import CannotMeasureError, placed

THREADS: Final = 40
"""The servers' with threads: as many as AsyncGunicornWorker has, more than wrk's connections."""

GRANIAN_THREADS: Final = 1
"""The number that granian chooses itself on one core, and the best for views that do not block."""

WORKER: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
OURS: Final = "AsyncGunicornWorker"

BARS: Final = {
    "gthread, same application": 3.0,
    "waitress, same application": 2.2,
    "Starlette on uvicorn": 1.0,
    "granian, def view, no aiopyramid": 0.8,
}
"""The project's own: AsyncGunicornWorker serves at least so many times their requests."""

RATE: Final = ",.0f"
CPU: Final = ".0f"
"""How their figures are written."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("gunicorn_h1c", "httptools", "uvloop", "gevent", "waitress", "granian"),
    *("uvicorn", "starlette"),
)


def candidates(threads: int) -> tuple[dict[str, ServerCommand], dict[str, str]]:
    """Return the servers to measure, the judged one first; and those there are not, and why."""
    several = {"threads": threads}
    commands = {
        OURS: gunicorn("coroutine", WORKER),
        f"{OURS}, no uvloop": gunicorn("coroutine", WORKER, uvloop=False),
        f"{OURS}, def view": gunicorn("ordinary", WORKER),
        "sync, same application": gunicorn("coroutine", "sync"),
        "gthread, same application": gunicorn("coroutine", "gthread", several),
        "gthread, def view, no aiopyramid": gunicorn("without_aiopyramid", "gthread", several),
        # No coroutine views there: gevent puts its own loop in the place of threads.
        "gevent, def view, no aiopyramid": gunicorn("without_aiopyramid", "gevent"),
        "waitress, same application": waitress("coroutine", threads=threads),
        "granian, same application": granian("coroutine", threads=threads),
        "granian, def view, no aiopyramid": granian("without_aiopyramid", threads=GRANIAN_THREADS),
        "Starlette on uvicorn": uvicorn("starlette"),
    }
    try:
        program = find_uwsgi()
    except CannotBuild as error:
        progress(f"uWSGI is left out: {error}")
        return commands, {"uWSGI": str(error)}
    commands["uWSGI, same application"] = uwsgi(program, "coroutine", threads=threads)
    commands["uWSGI, def view, no aiopyramid"] = uwsgi(
        program, "without_aiopyramid", threads=threads
    )
    return commands, {}


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
        "--connections",
        type=positive,
        default=32,
        help="how many connections wrk keeps busy (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=THREADS,
        help="how many threads servers with threads have (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        action="append",
        help=f"measure only servers with this in their name, beside {OURS}; may be repeated",
    )
    options = parser.parse_args()
    commands, left_out = candidates(options.threads)
    chosen = {
        name: command
        for name, command in commands.items()
        if options.only is None or name == OURS or any(text in name for text in options.only)
    }
    try:
        measured = measure(
            chosen,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=options.connections,
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    left_out |= measured.left_out
    report(SHOW, options, measured.samples, left_out=left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the table to print."""

    def cpu_of(name: str) -> list[float]:
        return results.values("cpu_microseconds", server=name)

    rates = {
        name: results.values("requests_per_second", server=name) for name in results.names("server")
    }
    rows = []
    for name, rate in rates.items():
        ratio = Figure.ratio(rates[OURS], rate)
        cpu = cpu_of(name)
        # The server's share of its processor core.
        used = [each * cost / 1e6 for each, cost in zip(rate, cpu, strict=True)]
        rows.append(
            [
                name,
                Figure.of(rate).text(RATE),
                Figure.of(cpu).text(CPU),
                Figure.of(used).text(".0%"),
                ratio.text(),
                Figure.ratio(cpu, cpu_of(OURS)).text(),
                verdict(ratio, at_least=BARS[name]) if name in BARS else ABSENT,
            ]
        )
    columns = ["Server", "requests/s", "CPU us/request", "core used", "our rate x", "its CPU x"]
    title = "Hello, world: one worker on one core; median (smallest-largest) of the rounds"
    return [Table(title, [*columns, "bar"], rows)]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return [
        "{rounds} rounds of {seconds} s, {connections} connections, {threads} threads where there"
        " are threads; ".format(**results.parameters)
        + placing(results, "wrk")
    ]


def charts(results: Results) -> list[Chart]:
    """Return the charts."""
    note = "{rounds} rounds of {seconds} s, one worker on one core".format(**results.parameters)

    def panels(field: str) -> list[Panel]:
        return [Panel("", bars(results, field, OURS))]

    return [
        Chart(
            "hello-rate",
            "Hello, world: requests",
            "requests/s",
            MORE,
            RATE,
            panels("requests_per_second"),
            note,
        ),
        Chart(
            "hello-cpu",
            "Hello, world: CPU time",
            "µs/request",
            LESS,
            CPU,
            panels("cpu_microseconds"),
            note,
        ),
    ]


SHOW: Final = Presentation(PACKAGES, tables, notes, charts)


if __name__ == "__main__":
    main()
