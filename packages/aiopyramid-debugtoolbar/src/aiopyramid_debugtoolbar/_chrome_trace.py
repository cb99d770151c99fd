"""The trace of a request in Chrome's trace event format, which Perfetto opens.

Specification: "Trace Event Format" of the Chromium project (catapult). Complete events ("X") are in
a track where they do not overlap or are within each other: a task, or a thread. Everything else is
an asynchronous event ("b" and "e"), which may overlap others.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

from aiopyramid_core.watchdog import LoopBlock

from ._places import Place
from ._trace import MAIN_LANE, Trace

__all__ = ("chrome_trace",)

Event = dict[str, Any]

_PROCESS: Final = 1
_BLOCKS: Final = 1_000_000
"""The track of the loop's blocks; the tracks of lanes begin at 1, those of threads at 10,000."""
_FIRST_THREAD: Final = 10_000


def chrome_trace(trace: Trace, blocks: Sequence[LoopBlock]) -> dict[str, Any]:
    """Return the trace of a request, to be written as JSON.

    Args:
        trace: The record of the request.
        blocks: The blocks of the event loop during it.
    """
    events = list(_events(trace, blocks))
    return {
        "displayTimeUnit": "ms",
        "otherData": {
            "request": f"{trace.method} {trace.path}",
            "route": trace.route or "",
            "side": "event loop" if trace.on_loop else "thread",
            "reason": trace.reason,
            "left_out": trace.left_out,
        },
        "traceEvents": sorted(events, key=lambda event: event["ts"]),
    }


def _events(trace: Trace, blocks: Sequence[LoopBlock]) -> Iterator[Event]:
    ends = [span.ended_at or span.ran_at or span.began_at for span in trace.spans]
    end = max([trace.ended_at or trace.began_at, *ends])
    # A request may begin within a block, and no time may be negative.
    origin = min([trace.began_at, *(block.began_at for block in blocks)])

    def microseconds(seconds: float) -> float:
        return round((seconds - origin) * 1e6, 3)

    def complete(
        name: str, category: str, track: int, began: float, ended: float | None, **args: Any
    ) -> Event:
        took = microseconds(end if ended is None else ended) - microseconds(began)
        return {
            **{"ph": "X", "name": name, "cat": category, "pid": _PROCESS, "tid": track},
            **{"ts": microseconds(began), "dur": round(max(0.0, took), 3), "args": args},
        }

    def overlapping(
        name: str, category: str, track: int, began: float, ended: float | None, **args: Any
    ) -> Iterator[Event]:
        common = {"name": name, "cat": category, "pid": _PROCESS, "tid": track}
        common["id"] = f"0x{next(numbers):x}"
        yield {"ph": "b", **common, "ts": microseconds(began), "args": args}
        yield {"ph": "e", **common, "ts": microseconds(end if ended is None else ended)}

    numbers = itertools.count(1)
    threads: dict[str, int] = {}
    main = _track(MAIN_LANE)
    yield _named("process_name", main, "aiopyramid")
    yield _named(
        "thread_name", main, "event loop" if trace.on_loop else trace.thread_name or "thread"
    )
    title = f"{trace.method} {trace.path}"
    began = trace.ran_at or trace.began_at
    yield complete(title, "request", main, began, trace.ended_at, status=trace.status or 0)
    if trace.ran_at is not None:
        yield from overlapping("queued", "queue", main, trace.began_at, trace.ran_at)
    for span in trace.spans:
        track, args = _track(span.lane), _args(span.place)
        if span.kind == "task":
            yield _named("thread_name", track, f"task {span.label}")
            yield complete(span.label, "task", track, span.began_at, span.ended_at, **args)
        elif span.kind == "thread" and span.ran_at is not None:
            if span.thread_name not in threads:
                threads[span.thread_name] = _FIRST_THREAD + len(threads)
                yield _named("thread_name", threads[span.thread_name], span.thread_name)
            thread = threads[span.thread_name]
            yield from overlapping("queued", "queue", thread, span.began_at, span.ran_at)
            yield complete(span.label, "thread", thread, span.ran_at, span.ended_at, **args)
        elif span.kind == "wait" and span.lane != MAIN_LANE:
            yield complete(span.label, "wait", track, span.began_at, span.ended_at, **args)
        else:
            yield from overlapping(
                span.label, span.kind, track, span.began_at, span.ended_at, **args
            )
    if blocks:
        yield _named("thread_name", _BLOCKS, "blocks of the event loop")
    for block in blocks:
        yield complete(
            block.culprit, "block", _BLOCKS, block.began_at, block.ended_at, stack=block.stack
        )


def _track(lane: int) -> int:
    return lane + 1


def _named(kind: str, track: int, name: str) -> Event:
    """Return the metadata event that names a track or the process."""
    return {
        **{"ph": "M", "name": kind, "cat": "__metadata", "pid": _PROCESS, "tid": track},
        **{"ts": 0, "args": {"name": name}},
    }


def _args(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {"file": place.filename, "line": place.line, "function": place.function}
