"""Command lines, progress, statistics, and how results are shown.

Progress goes to standard error and the result to standard output, so that the result can be
redirected into a file.
"""

import argparse
import re
import signal
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn, Self

from .chart import Chart
from .results import Results, Sample

ABSENT: Final = "-"


def make_parser(description: str | None, *, rounds: int | None) -> argparse.ArgumentParser:
    """Return a command line with the options that every benchmark has."""
    clean_up_when_ended()
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if rounds is not None:
        parser.add_argument(
            "--rounds",
            type=positive,
            default=rounds,
            help="how often to measure everything, in turn (default: %(default)s)",
        )
    parser.add_argument(
        "--markdown", action="store_true", help="print the result as Markdown, to be pasted"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="also write every sample of every round, and what it was measured on, to this file",
    )
    return parser


def clean_up_when_ended() -> None:
    """Let SIGTERM raise an exception, so that no server outlives its benchmark."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


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


def placing(results: Results, client: str = "client") -> str:
    """Return where processes ran, for the notes of a report."""
    server_core = results.parameters["server_core"]
    if server_core is None:
        return "nothing pinned"
    return f"server on core {server_core}, {client} on core {results.parameters['client_core']}"


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
        title: The measured quantity, with its unit.
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
            body = [f"| {_unbroken(' | '.join(_aligned(cells, widths)))} |" for cells in lines]
            body.insert(1, "| " + " | ".join(rule) + " |")
        else:
            head = self.title
            body = ["  ".join(_aligned(cells, widths)) for cells in lines]
            body.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([head, *body])

    def html(self) -> str:
        """Return the table for a page."""
        lines = [self.columns, *self.rows]
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in cells) for cells in lines]
        body = "\n".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><caption>{escape(self.title)}</caption>\n{body}\n</table>"


def _unbroken(text: str) -> str:
    """Keep a range of figures in one line, where a page has no room for a column."""
    return re.sub(r"(?<=[\d%])-(?=\d)", "\N{NON-BREAKING HYPHEN}", text)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    name, *figures = cells
    aligned = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
    return [name.ljust(widths[0]), *aligned]


def _no_charts(results: Results) -> list[Chart]:
    return []


@dataclass(frozen=True)
class Presentation:
    """How a benchmark's results are shown, whether just measured or read from a file.

    Attributes:
        packages: Those whose versions matter.
        tables: The tables of its figures.
        notes: Further remarks about the run.
        charts: The charts.
    """

    packages: Sequence[str]
    tables: Callable[[Results], list[Table]]
    notes: Callable[[Results], list[str]]
    charts: Callable[[Results], list[Chart]] = _no_charts

    def head(self, results: Results, *, markdown: bool = False) -> list[str]:
        """Return what the figures were measured on and with."""
        return [*results.circumstances(markdown=markdown), *self.notes(results)]

    def text(self, results: Results, *, markdown: bool, images: str = "") -> str:
        """Return the whole report, with ``images`` above the tables."""
        mark = "* " if markdown else "  "
        head = "\n".join(mark + line for line in self.head(results, markdown=markdown))
        tables = (table.text(markdown=markdown) for table in self.tables(results))
        return "\n\n".join(part for part in (head, images, *tables) if part)


def report(
    show: Presentation,
    options: argparse.Namespace,
    samples: Iterable[Sample],
    *,
    left_out: Mapping[str, str] | None = None,
    **parameters: Any,
) -> Results:
    """Print what a benchmark has measured, and write it to a file if that is wanted.

    Args:
        show: How to show it.
        options: Its command line.
        samples: Its measurements.
        left_out: The candidates that it could not measure, with the reasons.
        parameters: Further facts, in addition to the options.

    Returns:
        All of it.
    """
    results = Results.of_this_run(
        show.packages, {**vars(options), **parameters}, samples, left_out or {}
    )
    if options.json is not None:
        results.write(options.json)
    print(show.text(results, markdown=options.markdown))
    return results
