"""Measure the gunicorn worker with its compiled form, compared with itself in pure Python.

"Hello, world" from a coroutine view, with one header field and with those of a browser. Both
workers are pinned to one processor core, wrk to another one; they run all the time and are measured
in turn, round by round. The compiled form is built for the benchmark (``tools/build_fast.py``).
"""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Final

from _common.commands import CannotBuild, ServerCommand, gunicorn
from _common.http_request import BROWSER_FIELDS, PLAIN, HTTPRequest
from _common.load import measure
from _common.load_table import Bar, Comparison, load_table
from _common.report import Presentation, Table, make_parser, placing, positive, report
from _common.results import Results, Sample
from _common.servers import CannotMeasureError, placed

sys.path.append(str(Path(__file__).parents[1] / "tools"))
from build_fast import fast_folder

COMPILED: Final = "compiled"
PURE: Final = "pure Python"

REQUESTS: Final[dict[str, HTTPRequest]] = {
    "one header field": PLAIN,
    "a browser's header fields": HTTPRequest(fields=BROWSER_FIELDS),
}

OVER_PURE: Final = Comparison("our CPU x", "cpu_microseconds", {PURE: Bar(0.9)})
"""With the project's own bar: what is compiled has to save more than a tenth."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "greenlet", "pyramid", "gunicorn"),
    *("httptools", "uvloop"),
)


def commands() -> dict[str, ServerCommand]:
    """Return both workers.

    Raises:
        CannotBuild: The compiled form cannot be built here.
    """
    pure = gunicorn("coroutine", "aiopyramid_gunicorn.AsyncGunicornWorker")
    places = os.pathsep.join([str(fast_folder()), str(Path(__file__).parent)])
    arguments = ["env", f"PYTHONPATH={places}", *pure.arguments]
    return {COMPILED: dataclasses.replace(pure, arguments=arguments), PURE: pure}


def main() -> None:
    """Measure and print; leave with a message if that is not possible."""
    parser = make_parser(__doc__, rounds=15)
    for name, default, text in (
        ("seconds", 2, "how long to measure a worker in a round"),
        ("connections", 32, "how many connections ask"),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=default, help=f"{text} (default: %(default)s)"
        )
    options = parser.parse_args()
    samples: list[Sample] = []
    left_out: dict[str, str] = {}
    try:
        for what, request in REQUESTS.items():
            measured = measure(
                commands(),
                request=request,
                rounds=options.rounds,
                seconds=options.seconds,
                connections=options.connections,
            )
            samples += [{"request": what, **one} for one in measured.samples]
            left_out |= measured.left_out
    except (CannotBuild, CannotMeasureError) as error:
        sys.exit(f"Cannot measure: {error}")
    report(SHOW, options, samples, left_out=left_out, **placed())


def tables(results: Results) -> list[Table]:
    """Return the tables to print."""
    return [
        load_table(results, f"Hello, world, {what}", COMPILED, [OVER_PURE], request=what)
        for what in results.names("request")
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    form = "{rounds} rounds of {seconds} s, one worker on one core, {connections} connections; "
    return [form.format(**results.parameters) + placing(results, "wrk")]


SHOW: Final = Presentation(PACKAGES, tables, notes)


if __name__ == "__main__":
    main()
