"""Measure "Hello, world" on several servers: requests a second, and CPU time a request.

Each server has one worker, pinned to one processor core; wrk is pinned to another one and keeps
some connections busy. All servers run all the time and are measured in turn, round by round: what
disturbs the machine then disturbs them all.

"core used" is the server's share of its core, 100 % in an undisturbed run. Where it is less, other
processes took the core away, or wrk was the bottleneck: then the CPU time a request says more,
though busy neighbours make that longer, too.

"our rate x" and "our CPU x" are AsyncGunicornWorker's figures over the server's: a rate above 1 and
a CPU time below 1 are better.

Three tables: a coroutine view that is asked with one header field, the same with the 13 more that
a browser sends, and a synchronous view.
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
from _common.http_request import BROWSER_FIELDS, PLAIN, HTTPRequest
from _common.load_options import load_notes, make_load_parser, measure_chosen
from _common.load_table import CPU, RATE, Bar, Comparison, load_table
from _common.report import Presentation, Table, progress, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, placed

GRANIAN_THREADS: Final = 1
"""The number that granian chooses itself on one core, and the best for views that do not block."""

WORKER: Final = "aiopyramid_gunicorn.AsyncGunicornWorker"
OURS: Final = "AsyncGunicornWorker"

COROUTINE: Final = "coroutine"
BROWSER: Final = "browser"
SYNCHRONOUS: Final = "synchronous"
TITLES: Final = {
    COROUTINE: "from a coroutine view",
    BROWSER: "from a coroutine view, requested with a browser's header fields",
    SYNCHRONOUS: "from a synchronous view",
}
"""The contests, each of which has a table."""

RATE_BARS: Final = {
    COROUTINE: {
        "gthread, same application": Bar(3.0),
        "waitress, same application": Bar(2.2),
        "Starlette on uvicorn": Bar(0.9, 1.0),
        "granian, def view, no aiopyramid": Bar(0.62, 0.8),
    },
    BROWSER: {"Starlette on uvicorn": Bar(0.8, 0.95)},
}
"""The project's own: AsyncGunicornWorker serves at least so many times their requests."""

CPU_BARS: Final = {
    "waitress, same application": Bar(0.5, 0.45),
    "gthread, same application": Bar(0.34, 0.3),
}
"""Likewise: with a synchronous view it takes at most so many times their CPU time."""

COMPARISONS: Final = {
    **{
        contest: (
            Comparison("our rate x", "requests_per_second", bars_of, more=True),
            Comparison("our CPU x", "cpu_microseconds"),
        )
        for contest, bars_of in RATE_BARS.items()
    },
    SYNCHRONOUS: (Comparison("our CPU x", "cpu_microseconds", CPU_BARS),),
}

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-gunicorn-fast"),
    *("greenlet", "pyramid", "gunicorn"),
    *("gunicorn_h1c", "httptools", "uvloop", "gevent", "waitress", "granian"),
    *("uvicorn", "starlette"),
)


def of_coroutine(threads: int) -> tuple[dict[str, ServerCommand], dict[str, str]]:
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


def of_browser(everyone: dict[str, ServerCommand]) -> dict[str, ServerCommand]:
    """Return those servers that are measured with a browser's request head, too."""
    names = (
        *(OURS, "gthread, def view, no aiopyramid", "granian, def view, no aiopyramid"),
        "Starlette on uvicorn",
    )
    return {name: everyone[name] for name in names}


def of_synchronous(threads: int) -> dict[str, ServerCommand]:
    """Return the servers to measure with a synchronous view."""
    return {
        OURS: gunicorn("ordinary", WORKER),
        "waitress, same application": waitress("ordinary", threads=threads),
        "gthread, same application": gunicorn("ordinary", "gthread", {"threads": threads}),
    }


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_load_parser(__doc__, connections=32)
    parser.add_argument(
        "--contest",
        choices=list(TITLES),
        action="append",
        help="measure only this table; may be repeated",
    )
    options = parser.parse_args()
    everyone, left_out = of_coroutine(options.threads)
    contests: dict[str, tuple[dict[str, ServerCommand], HTTPRequest]] = {
        COROUTINE: (everyone, PLAIN),
        BROWSER: (of_browser(everyone), HTTPRequest(fields=BROWSER_FIELDS)),
        SYNCHRONOUS: (of_synchronous(options.threads), PLAIN),
    }
    samples: list[Sample] = []
    try:
        for contest in options.contest or contests:
            progress(f"Hello, world {TITLES[contest]}")
            commands, request = contests[contest]
            measured = measure_chosen(commands, options, request)
            samples += [{"contest": contest, **one} for one in measured.samples]
            left_out |= measured.left_out
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    return [
        load_table(
            results,
            f"Hello, world {TITLES[contest]}; one worker on one core",
            OURS,
            COMPARISONS[contest],
            contest=contest,
        )
        for contest in results.names("contest")
    ]


def charts(results: Results) -> list[Chart]:
    """Return the charts."""
    note = "{rounds} rounds of {seconds} s, one worker on one core".format(**results.parameters)

    def panels(field: str) -> list[Panel]:
        return [Panel("", bars(results, field, OURS, contest=COROUTINE))]

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


SHOW: Final = Presentation(PACKAGES, tables, load_notes, charts)


if __name__ == "__main__":
    main()
