"""Command lines, progress, statistics, and the printed result.

Progress goes to standard error and the result to standard output, so that the result can be
redirected into a file.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Self

ABSENT: Final = "-"


def make_parser(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a command line with the options that every benchmark has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=rounds,
        help="how often to measure everything, in turn (default: %(default)s)",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the result as Markdown, to be pasted"
    )
    return parser


def positive(text: str) -> int:
    """Read a positive number from a command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def progress(text: str) -> None:
    """Say what is going on."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Figure:
    """A figure measured once a round: its median, and the spread around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Sum up one value a round."""
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    @classmethod
    def ratio(cls, values: Iterable[float], baseline: Iterable[float]) -> Self:
        """Sum up the ratio to a baseline.

        Round by round, because the two were measured right after each other: what slowed the
        machine down for a while slowed both down.
        """
        return cls.of(a / b for a, b in zip(values, baseline, strict=True))

    def text(self, form: str = ".2f") -> str:
        """Return the median with the smallest and the largest value behind it."""
        low, high = format(self.low, form), format(self.high, form)
        return f"{self.median:{form}} ({low}-{high})"


def verdict(figure: Figure, *, at_most: float | None = None, at_least: float | None = None) -> str:
    """Return one of the project's bars and whether the median clears it."""
    if at_most is not None:
        return f"<= {at_most:g}: {'met' if figure.median <= at_most else 'MISSED'}"
    assert at_least is not None
    return f">= {at_least:g}: {'met' if figure.median >= at_least else 'MISSED'}"


@dataclass(frozen=True)
class Table:
    """A result to print.

    Attributes:
        title: What was measured, with its unit.
        columns: The columns' headings; the first column holds names, the others figures.
        rows: The cells.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self, *, markdown: bool) -> str:
        """Return the table, aligned for a terminal, or as Markdown, which is aligned as well."""
        lines = [self.columns, *self.rows]
        widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        if markdown:
            head = f"**{self.title}**\n"
            body = ["| " + " | ".join(_aligned(cells, widths)) + " |" for cells in lines]
            body.insert(1, "| " + " | ".join(rule) + " |")
        else:
            head = self.title
            body = ["  ".join(_aligned(cells, widths)) for cells in lines]
            body.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([head, *body])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    name, *figures = cells
    aligned = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
    return [name.ljust(widths[0]), *aligned]


def print_report(
    tables: Iterable[Table], *, packages: Sequence[str], notes: Sequence[str], markdown: bool
) -> None:
    """Print what the figures were measured on and with, and the figures."""
    mark = "* " if markdown else "  "
    for line in [*_circumstances(packages), *notes]:
        print(mark + line)
    for table in tables:
        print("\n" + table.text(markdown=markdown))


def _circumstances(packages: Sequence[str]) -> list[str]:
    """Return the header: what a reader must know to compare the figures with others."""
    uname = platform.uname()
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC: python {' '.join(sys.argv)}",
        f"{_processor()}, {os.cpu_count()} cores, {uname.system} {uname.release}{_load()}",
        f"{platform.python_implementation()} {platform.python_version()}, "
        + ", ".join(f"{package} {_version(package)}" for package in packages),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _load() -> str:
    """Return the load average: well above what the benchmark itself needs, it warns of noise."""
    try:
        return f", load average {os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
