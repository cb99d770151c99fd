"""The content of a chart; ``charts.py`` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .results import Results

LESS: Final = "less is better"
MORE: Final = "more is better"


@dataclass(frozen=True)
class Bar:
    """One candidate: a sample a round."""

    name: str
    samples: Sequence[float]
    ours: bool

    @property
    def median(self) -> float:
        """The figure that the bar shows."""
        return median(self.samples)


@dataclass(frozen=True)
class Panel:
    """Candidates that did the same thing."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Chart:
    """A chart to draw.

    Attributes:
        name: That of its file.
        title: The measured quantity.
        unit: In which unit.
        better: Which direction is.
        form: How to write a figure.
        panels: The panels to draw.
        note: How it was measured, in a few words.
        logarithmic: Whether the scale is; there are no bars then, whose length would mislead.
    """

    name: str
    title: str
    unit: str
    better: str
    form: str
    panels: Sequence[Panel]
    note: str
    logarithmic: bool = False


def bars(results: Results, field: str, ours: str, **where: object) -> list[Bar]:
    """Return a bar for each server that has this field; those named like ``ours`` stand out."""
    some = dict.fromkeys(
        one["server"]
        for one in results.samples
        if field in one and all(one[name] == value for name, value in where.items())
    )
    values: Mapping[str, list[float]] = {
        name: results.values(field, server=name, **where) for name in some
    }
    return [Bar(name, samples, name.startswith(ours)) for name, samples in values.items()]
