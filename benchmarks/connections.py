"""Measure 4,000 busy connections to one worker: CPU time a request, and how late answers are.

"Hello, world" from a coroutine view, on AsyncGunicornWorker and on uvicorn. As many requests as
there are connections wait for their turn, so latencies follow from the rate; a server that is fair
to its connections has a p99 not far above its p50. Both servers have a backlog into which all
connections fit: the system repeats packets for those that do not, which takes a second.

"our CPU x" and "our p99 x" are AsyncGunicornWorker's figures over uvicorn's.
"""

import sys
from typing import Final

from _common.commands import gunicorn, uvicorn
from _common.load_options import load_notes, make_load_parser, measure_chosen
from _common.load_table import Bar, Comparison, load_table
from _common.report import Presentation, Table, report
from _common.results import Results
from _common.servers import CannotMeasureError, placed

OURS: Final = "AsyncGunicornWorker"
PEER: Final = "Starlette on uvicorn"

COMPARISONS: Final = (
    Comparison("our CPU x", "cpu_microseconds", {PEER: Bar(1.2, 1.0)}),
    Comparison("our p99 x", "p99_milliseconds", {PEER: Bar(1.5, 1.0)}),
)
"""With the project's own bars."""

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
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, measured.samples, left_out=measured.left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    title = "{connections:,} busy connections, one worker on one core".format(**results.parameters)
    return [load_table(results, title, OURS, COMPARISONS)]


SHOW: Final = Presentation(PACKAGES, tables, load_notes)


if __name__ == "__main__":
    main()
