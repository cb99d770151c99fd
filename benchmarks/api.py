"""Measure a JSON API on several servers: CPU time a request, requests a second, and latencies.

The API has 30 routes and five tweens or middlewares; its clients post orders of 950 bytes, which
are checked and answered in JSON (see ``api_applications.py``). Each server has one worker, pinned
to one processor core; wrk is pinned to another one. All servers run all the time and are measured
in turn, round by round.

"our CPU x" is AsyncGunicornWorker's CPU time over the server's: below 1, AsyncGunicornWorker is
better. "core used" is explained in ``hello.py``.
"""

import sys
from typing import Final

from _common.chart import LESS, Chart, Panel, bars
from _common.commands import ServerCommand, granian, gunicorn, uvicorn
from _common.http_request import HTTPRequest
from _common.load_options import load_notes, make_load_parser, measure_chosen
from _common.load_table import CPU, Bar, Comparison, load_table
from _common.report import Presentation, Table, report
from _common.results import Results
from _common.servers import CannotMeasureError, placed
from api_applications import AUTHORIZATION, BODY, CUSTOMER, ORDER, ORDERS, receipt

OURS: Final = "AsyncGunicornWorker"

BARS: Final = {
    "FastAPI on uvicorn": Bar(0.55, 0.5),
    "granian, def view, no aiopyramid": Bar(1.0, 0.9),
    "Starlette on uvicorn": Bar(1.4, 1.2),
}
"""The project's own: AsyncGunicornWorker takes at most so many times their CPU time."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-gunicorn-fast"),
    *("greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop", "granian", "uvicorn", "starlette", "fastapi", "pydantic"),
)

REQUEST: Final = HTTPRequest(
    ORDERS.format(number=CUSTOMER),
    {
        "Accept": "application/json",
        "Authorization": AUTHORIZATION,
        "Content-Type": "application/json",
    },
    BODY,
    receipt(CUSTOMER, ORDER),
)


def candidates(threads: int) -> dict[str, ServerCommand]:
    """Return the servers to measure, the judged one first."""
    plain = "api_applications:pyramid_without_aiopyramid"
    return {
        OURS: gunicorn("api_applications:pyramid", "aiopyramid_gunicorn.AsyncGunicornWorker"),
        "granian, def view, no aiopyramid": granian(plain, threads=1),
        "Starlette on uvicorn": uvicorn("api_applications:starlette"),
        "FastAPI on uvicorn": uvicorn("api_applications:fastapi"),
        "gthread, def view, no aiopyramid": gunicorn(plain, "gthread", {"threads": threads}),
    }


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    options = make_load_parser(__doc__, connections=32).parse_args()
    try:
        measured = measure_chosen(candidates(options.threads), options, REQUEST)
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, measured.samples, left_out=measured.left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    title = "JSON API, an order of 950 bytes: one worker on one core"
    return [load_table(results, title, OURS, [Comparison("our CPU x", "cpu_microseconds", BARS)])]


def charts(results: Results) -> list[Chart]:
    """Return the chart."""
    return [
        Chart(
            "api-cpu",
            "JSON API: CPU time",
            "µs/request",
            LESS,
            CPU,
            [Panel("", bars(results, "cpu_microseconds", OURS))],
            "{rounds} rounds of {seconds} s, one worker on one core".format(**results.parameters),
        )
    ]


SHOW: Final = Presentation(PACKAGES, tables, load_notes, charts)


if __name__ == "__main__":
    main()
