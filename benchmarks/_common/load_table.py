"""The table of servers that were under load: their figures, and ours over theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .report import ABSENT, Figure, Table, verdict
from .results import Results

__all__ = ("CPU", "RATE", "Bar", "Comparison", "load_table")

RATE: Final = ",.0f"
CPU: Final = ".0f"
LATENCY: Final = ",.1f"
"""How the figures are written."""


@dataclass(frozen=True)
class Bar:
    """The project's own limits of a ratio.

    Attributes:
        now: The current limit.
        then: The limit after that, or None.
    """

    now: float
    then: float | None = None

    def verdicts(self, ratio: Figure, *, more: bool = False) -> list[str]:
        """Return both limits, and whether a ratio keeps to them.

        Args:
            ratio: The ratio.
            more: Whether more is better: the limits are lower ones then.
        """
        which = "at_least" if more else "at_most"
        limits = (self.now, self.then)
        return [ABSENT if one is None else verdict(ratio, **{which: one}) for one in limits]


@dataclass(frozen=True)
class Comparison:
    """A figure of ours over that of each other server.

    Attributes:
        heading: That of the ratio's column.
        figure: The field of the samples.
        bars: The bars by server.
        more: Whether more is better: a bar is a lower limit then.
    """

    heading: str
    figure: str
    bars: Mapping[str, Bar] = field(default_factory=dict)
    more: bool = False

    def columns(self) -> list[str]:
        """Return the headings."""
        return [self.heading, *(["bar", "next bar"] if self.bars else [])]

    def cells(self, name: str, ours: Sequence[float], its: Sequence[float]) -> list[str]:
        """Return the cells of a server."""
        ratio = Figure.ratio(ours, its)
        if not self.bars:
            return [ratio.text()]
        if name not in self.bars:
            return [ratio.text(), ABSENT, ABSENT]
        return [ratio.text(), *self.bars[name].verdicts(ratio, more=self.more)]


def load_table(
    results: Results, title: str, ours: str, comparisons: Sequence[Comparison], **where: object
) -> Table:
    """Return the table of some servers.

    Args:
        results: Their samples, as ``load.measure`` returns them.
        title: The measured quantity.
        ours: The name of the judged server.
        comparisons: The figures to compare.
        where: Fields that the samples must have.
    """
    rows = []
    for name in results.names("server", **where):

        def values(figure: str, server: str = name) -> list[float]:
            return results.values(figure, server=server, **where)

        rates, costs = values("requests_per_second"), values("cpu_microseconds")
        # The server's share of its processor core.
        used = [rate * cost / 1e6 for rate, cost in zip(rates, costs, strict=True)]
        row = [
            name,
            Figure.of(rates).text(RATE),
            Figure.of(costs).text(CPU),
            Figure.of(used).text(".0%"),
            Figure.of(values("p50_milliseconds")).text(LATENCY),
            Figure.of(values("p99_milliseconds")).text(LATENCY),
        ]
        for one in comparisons:
            row += one.cells(name, values(one.figure, ours), values(one.figure))
        rows.append(row)
    columns = ["Server", "requests/s", "CPU us/request", "core used", "p50 ms", "p99 ms"]
    for one in comparisons:
        columns += one.columns()
    return Table(f"{title}; median (smallest-largest) of the rounds", columns, rows)
