"""The waterfall as the template draws it: rows with bars, in percent of the request's time."""

import linecache
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiopyramid_core.watchdog import LoopBlock

from ._places import Place
from ._trace import MAIN_LANE, Span, Trace

__all__ = ("Bar", "Drawing", "Row", "draw", "milliseconds")

_TICKS: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row.

    Attributes:
        kind: Its CSS class.
        left, width: In percent of the axis.
        title: The text that is shown on hovering.
        continues: Whether it lasted longer than the request.
    """

    kind: str
    left: float
    width: float
    title: str
    continues: bool = False


@dataclass(slots=True)
class Row:
    """A line of the waterfall.

    Attributes:
        kind: Its CSS class.
        name: Its title.
        bars: Its bars.
        duration: How long it took, as text.
        detail: More about it, such as the thread.
        where: The line of the application's code, as text; empty if there is none.
        source: The text of that line.
        children: Rows that can be unfolded.
    """

    kind: str
    name: str
    bars: list[Bar]
    duration: str
    detail: str = ""
    where: str = ""
    source: str = ""
    children: list["Row"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The waterfall of a request.

    Attributes:
        rows: Its rows.
        ticks: The labels of the axis, with their position in percent.
        late: How many spans began after the response.
        left_out: How many spans were not kept.
        duration: How long the request took, as text.
        waited: For how much of this time it waited, as text.
    """

    rows: list[Row]
    ticks: list[tuple[float, str]]
    late: int
    left_out: int
    duration: str
    waited: str


def milliseconds(seconds: float) -> str:
    """Return a time as text."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.1f} ms"


class _Axis:
    def __init__(self, began_at: float, ended_at: float) -> None:
        self.began_at, self.ended_at = began_at, ended_at
        self.seconds = max(ended_at - began_at, 1e-6)

    def bar(self, kind: str, began_at: float, ended_at: float | None, title: str) -> Bar:
        end = self.ended_at if ended_at is None else min(ended_at, self.ended_at)
        continues = ended_at is None or ended_at > self.ended_at
        left = 100 * max(0.0, began_at - self.began_at) / self.seconds
        width = 100 * max(0.0, end - max(began_at, self.began_at)) / self.seconds
        return Bar(kind, round(left, 3), round(width, 3), title, continues)


def draw(trace: Trace, blocks: Sequence[LoopBlock]) -> Drawing:
    """Return the waterfall of a request.

    Args:
        trace: The record of the request.
        blocks: The blocks of the event loop during it.
    """
    end = time.perf_counter() if trace.ended_at is None else trace.ended_at
    axis = _Axis(trace.began_at, end)
    spans = [span for span in tuple(trace.spans) if span.began_at <= end]
    late = len(trace.spans) - len(spans)
    rows = [_row_of_request(trace, axis), *_rows_of_spans(spans, axis)]
    for level in (rows, *(row.children for row in rows)):
        _say_places_once(level)
    rows += [_row_of_block(block, axis) for block in blocks]
    ticks = [
        (100 * number / _TICKS, milliseconds(axis.seconds * number / _TICKS))
        for number in range(_TICKS + 1)
    ]
    own_waits = [s for s in spans if s.lane == MAIN_LANE and s.kind in ("wait", "thread")]
    waited = _union_seconds(own_waits, end)
    return Drawing(
        rows, ticks, late, trace.left_out, milliseconds(axis.seconds), milliseconds(waited)
    )


def _row_of_request(trace: Trace, axis: _Axis) -> Row:
    side = "loop" if trace.on_loop else "thread"
    began = trace.began_at if trace.ran_at is None else trace.ran_at
    bars = [axis.bar(f"request {side}", began, trace.ended_at, "the request")]
    detail = "on the event loop" if trace.on_loop else "in a thread"
    if trace.thread_name:
        detail = f"in {trace.thread_name}"
    if trace.ran_at is not None:
        queued = milliseconds(trace.ran_at - trace.began_at)
        bars.insert(0, axis.bar("queued", trace.began_at, trace.ran_at, f"queued for {queued}"))
        detail += f", after {queued} in the queue"
    return Row("request", f"{trace.method} {trace.path}", bars, milliseconds(axis.seconds), detail)


def _rows_of_spans(spans: Iterable[Span], axis: _Axis) -> list[Row]:
    rows: list[Row] = []
    of_lane: dict[int, Row] = {}
    for span in spans:
        row = _row(span, axis)
        if span.kind == "task":
            of_lane[span.lane] = row
            rows.append(row)
        elif span.lane in of_lane:
            task = of_lane[span.lane]
            task.bars += [bar for bar in row.bars if bar.kind != "queued"]
            task.children.append(row)
        else:
            rows.append(row)
    return rows


def _say_places_once(rows: Sequence[Row]) -> None:
    """Leave out the place of a row that is like the one above it, as with many tasks of a loop."""
    said = None
    for row in rows:
        this = row.kind, row.name, row.where
        if this == said:
            row.where = row.source = ""
        said = this


def _row(span: Span, axis: _Axis) -> Row:
    took = (axis.ended_at if span.ended_at is None else span.ended_at) - span.began_at
    duration = milliseconds(took)
    if span.ended_at is None or span.ended_at > axis.ended_at:
        duration += " and on" if span.ended_at is None else ""
    ran = span.began_at if span.ran_at is None else span.ran_at
    bars = [axis.bar(span.kind, ran, span.ended_at, f"{span.label}: {duration}")]
    detail = ""
    if span.kind == "thread":
        queued = ran - span.began_at
        bars.insert(0, axis.bar("queued", span.began_at, ran, f"queued: {milliseconds(queued)}"))
        detail = f"in {span.thread_name}" if span.thread_name else "no thread yet"
        detail += f", after {milliseconds(queued)} in the queue"
    where, source = _where(span.place)
    name = " ".join(span.label.split())
    return Row(span.kind, name, bars, duration, detail, where, source)


def _row_of_block(block: LoopBlock, axis: _Axis) -> Row:
    took = milliseconds(block.ended_at - block.began_at)
    bar = axis.bar("block", block.began_at, block.ended_at, f"blocked for {took}")
    return Row("block", "the event loop was blocked", [bar], took, "", block.culprit)


def _where(place: Place | None) -> tuple[str, str]:
    if place is None:
        return "", ""
    filename = os.path.relpath(place.filename)
    if filename.startswith(".."):
        filename = place.filename
    source = linecache.getline(place.filename, place.line).strip()
    return f"{filename}:{place.line} in {place.function}", source


def _union_seconds(spans: Iterable[Span], end: float) -> float:
    """Return the time in which at least one of some spans lasted, in seconds."""
    total, covered = 0.0, float("-inf")
    for span in sorted(spans, key=lambda each: each.began_at):
        ended_at = min(end, span.ended_at or end)
        begin = max(span.began_at, covered)
        if ended_at > begin:
            total += ended_at - begin
            covered = ended_at
    return total
