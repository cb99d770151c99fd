"""Count the machine instructions of a request, and fail if there are more than before.

A request is followed within the process, from the protocol's ``data_received`` to the written
answer, without sockets (see ``in_process.py``). Valgrind counts the instructions, so the figures
hardly depend on what else the machine does; but they depend on the interpreter. Therefore their
ratio to plain Pyramid, called directly and counted in the same run, is compared: it may be 3 %
larger than the published one. If it must be more, ``--update`` publishes the new figures, and the
commit says why.

Fewer instructions are not always less time: between two requests of a served process other code
empties the processor's caches. ``hello.py`` and ``api.py`` measure that.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from _common.report import ABSENT, Presentation, Table, make_parser, progress, report
from _common.results import Results, Sample, interpreter
from _common.servers import CannotMeasureError

HOME: Final = Path(__file__).parent
PUBLISHED: Final = HOME / "results/instructions.json"
REFERENCE: Final = "plain Pyramid, called directly"
BAR: Final = 0.03
"""The project's own: a ratio grows by no more without a word in the commit."""

LIMIT_SECONDS: Final = 900.0
"""More than a slow machine needs."""

PACKAGES: Final = (
    *("aiopyramid-core", "aiopyramid-gunicorn", "aiopyramid-websocket", "greenlet", "pyramid"),
    *("gunicorn", "httptools", "uvloop"),
)

_COUNTED: Final = re.compile(r"I +refs: +([\d,]+)")


def find_valgrind() -> str:
    """Return the path of valgrind.

    Raises:
        CannotMeasureError: There is none.
    """
    if (found := shutil.which("valgrind")) is None:
        raise CannotMeasureError(
            "valgrind, which counts the instructions, is not installed. Install the package"
            " 'valgrind' with your system's package manager (as root: 'apt-get install valgrind')."
        )
    return found


def count(valgrind: str) -> list[Sample]:
    """Return the instructions of a request, and their ratio to the reference, for each case.

    Raises:
        CannotMeasureError: A case failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(valgrind, "--tool=cachegrind", "--cache-sim=no"),
            *(f"--log-file={folder}/log.%p", f"--cachegrind-out-file={folder}/out.%p"),
            *(sys.executable, "-W", "ignore", str(HOME / "in_process.py")),
        ]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "PYTHONHASHSEED": "0"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise CannotMeasureError(f"'{' '.join(command)}' did not end") from error
        if done.returncode:
            raise CannotMeasureError(f"'{' '.join(command)}' failed:\n{done.stderr}")
        runs = [json.loads(line) for line in done.stdout.splitlines()]
        for run in runs:
            run["instructions"] = _instructions(Path(folder) / f"log.{run['pid']}")
    costs = {
        short["case"]: (long["instructions"] - short["instructions"])
        / (long["requests"] - short["requests"])
        for short, long in zip(runs[::2], runs[1::2], strict=True)
    }
    return [
        {"case": case, "instructions": round(cost), "ratio": cost / costs[REFERENCE]}
        for case, cost in costs.items()
    ]


def _instructions(log: Path) -> int:
    text = log.read_text(encoding="utf-8")
    if (found := _COUNTED.search(text)) is None:
        raise CannotMeasureError(f"valgrind has counted nothing:\n{text}")
    return int(found[1].replace(",", ""))


# --- Judging --------------------------------------------------------------------------------------


def ratios(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the ratio of each case."""
    return {one["case"]: one["ratio"] for one in samples}


def comparison(before: dict[str, float], now: dict[str, float]) -> tuple[Table, list[str]]:
    """Return the table of what has changed, and the cases that have grown too much.

    Raises:
        CannotMeasureError: The cases are not the same.
    """
    if before.keys() != now.keys():
        raise CannotMeasureError(
            f"The published cases are {', '.join(before)}, and there are now {', '.join(now)}:"
            " publish them with --update."
        )
    grown = [name for name in now if now[name] > before[name] * (1 + BAR)]
    rows = [
        [
            name,
            f"{before[name]:.3f}",
            f"{now[name]:.3f}",
            f"{now[name] / before[name] - 1:+.1%}",
            ABSENT if name == REFERENCE else f"<= {BAR:+.0%}: {_verdict(name in grown)}",
        ]
        for name in now
    ]
    columns = ["Path", "before", "now", "change", "bar"]
    if any(now[name] < before[name] * (1 - BAR) for name in now):
        progress("There are fewer than before: publish them with --update, so that it stays so.")
    return Table("Instructions x plain Pyramid, beside the published ones", columns, rows), grown


def _verdict(grown: bool) -> str:
    return "MISSED" if grown else "met"


def read_published(path: Path) -> Results:
    """Return the figures to compare with.

    Raises:
        CannotMeasureError: They were made by another version of Python.
    """
    published = Results.read(path)
    wanted, here = (version.rpartition(".")[0] for version in (published.python, interpreter()))
    if wanted != here:
        raise CannotMeasureError(
            f"The figures in {path} are of {published.python}, and this is {interpreter()}, whose"
            f" figures differ: run this with {wanted}."
        )
    return published


# --- Showing --------------------------------------------------------------------------------------


def tables(results: Results) -> list[Table]:
    """Return the table to print."""
    rows = [
        [one["case"], f"{one['instructions']:,}", f"{one['ratio']:.2f}"] for one in results.samples
    ]
    return [
        Table(
            "Instructions of a request, in the process",
            ["Path", "instructions", "x plain Pyramid"],
            rows,
        )
    ]


def notes(results: Results) -> list[str]:
    """Return how it was measured."""
    return ["counted by valgrind, without sockets"]


SHOW: Final = Presentation(PACKAGES, tables, notes)


def main() -> None:
    """Count and compare; leave with a message if there is more to do than before."""
    parser = make_parser(__doc__, rounds=None)
    parser.add_argument(
        "--update", action="store_true", help="publish the figures instead of comparing them"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        default=PUBLISHED,
        help="figures to compare with, written by --json (default: the published ones)",
    )
    options = parser.parse_args()
    # Neither has to do with what is counted.
    against, update = (vars(options).pop(name) for name in ("against", "update"))
    try:
        published = None if update else read_published(against)
        valgrind = find_valgrind()
        progress("counting: this takes a minute or two")
        results = report(SHOW, options, count(valgrind))
        if published is None:
            publish(results)
            return
        table, grown = comparison(ratios(published.samples), ratios(results.samples))
    except CannotMeasureError as error:
        sys.exit(f"Cannot measure: {error}")
    print("\n" + table.text(markdown=options.markdown))
    if grown:
        sys.exit(
            f"Over {BAR:.0%} more instructions: {', '.join(grown)}. If that is meant, run this with"
            " --update and say in the commit why."
        )


def publish(results: Results) -> None:
    """Write the published figures, and the documents that show them."""
    import charts  # which imports matplotlib, and all benchmarks

    results.write(PUBLISHED)
    charts.write(charts.publication(drawn=False))


if __name__ == "__main__":
    main()
