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

from _common.commands import (
    ServerCommand,
    find_uwsgi,
    granian,
    gunicorn,
    uvicorn,
    uwsgi,
    waitress,
)
from _common.load import Sample, measure, pinning
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
from _common.servers import CannotMeasureError

THREADS: Final = 40
"""The servers' with threads: as many as AsyncGunicornWorker has, more than wrk's connections."""

GRANIAN_THREADS: Final = 1
"""What granian chooses itself on one core, and the best for views that do not block."""

WORKER: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
OURS: Final = "AsyncGunicornWorker"

BARS: Final = {
    "gthread, same application": 3.0,
    "waitress, same application": 2.2,
    "Starlette on uvicorn": 1.0,
    "granian, def view, no aiopyramid": 0.8,
}
"""The project's own: AsyncGunicornWorker serves at least so many times their requests."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("gunicorn_h1c", "httptools", "uvloop", "gevent", "waitress", "granian"),
    *("uvicorn", "starlette"),
)


def candidates(threads: int) -> dict[str, ServerCommand]:
    """Return the servers to measure, the judged one first."""
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
    program = find_uwsgi()
    if program is None:
        progress("uWSGI is left out: it is not installed ('pip install uwsgi' builds it)")
    else:
        commands["uWSGI, same application"] = uwsgi(program, "coroutine", threads=threads)
        commands["uWSGI, def view, no aiopyramid"] = uwsgi(
            program, "without_aiopyramid", threads=threads
        )
    return commands


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
    commands = {
        name: command
        for name, command in candidates(options.threads).items()
        if options.only is None or name == OURS or any(text in name for text in options.only)
    }
    try:
        samples = measure(
            commands,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=options.connections,
        )
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    print_report(
        [result(samples)],
        packages=PACKAGES,
        notes=[
            f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections,"
            f" {options.threads} threads where there are threads; {pinning()}"
        ],
        markdown=options.markdown,
    )


def result(samples: dict[str, list[Sample]]) -> Table:
    """Return the table to print."""
    rates = {name: [one.per_second for one in some] for name, some in samples.items()}
    rows = []
    for name, rate in rates.items():
        ratio = Figure.ratio(rates[OURS], rate)
        cpu = [one.cpu_microseconds for one in samples[name]]
        cpu_ratio = Figure.ratio(cpu, (one.cpu_microseconds for one in samples[OURS]))
        rows.append(
            [
                name,
                Figure.of(rate).text(",.0f"),
                Figure.of(cpu).text(".0f"),
                Figure.of(one.core_used for one in samples[name]).text(".0%"),
                ratio.text(),
                cpu_ratio.text(),
                verdict(ratio, at_least=BARS[name]) if name in BARS else ABSENT,
            ]
        )
    return Table(
        "Hello, world: one worker on one core; median (smallest-largest) of the rounds",
        ["Server", "requests/s", "CPU us/request", "core used", "our rate x", "its CPU x", "bar"],
        rows,
    )


if __name__ == "__main__":
    main()
