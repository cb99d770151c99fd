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
    """What the project demands of a ratio.

    Attributes:
        now: The bar that it is judged by.
        then: The one after that, or None.
    """

    now: float
    then: float | None = None


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
        bar = self.bars.get(name)
        limits = (None, None) if bar is None else (bar.now, bar.then)
        return [ratio.text(), *(self._judged(ratio, limit) for limit in limits)]

    def _judged(self, ratio: Figure, limit: float | None) -> str:
        if limit is None:
            return ABSENT
        return verdict(ratio, **{"at_least" if self.more else "at_most": limit})


def load_table(
    results: Results, title: str, ours: str, comparisons: Sequence[Comparison], **where: object
) -> Table:
    """Return the table of some servers.

    Args:
        results: Their samples, as ``load.measure`` returns them.
        title: What was measured.
        ours: The name of the judged server.
        comparisons: What is compared.
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
