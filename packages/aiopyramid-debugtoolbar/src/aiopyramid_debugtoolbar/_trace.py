"""The record of one request: spans of time, each with a label and a place in the code.

It holds text and numbers only, so that the toolbar's history keeps no frame, coroutine or object of
the application alive. All times are of ``time.perf_counter()``.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from ._places import Place

__all__ = ("LONGEST_LABEL", "MAIN_LANE", "MOST_SPANS", "Span", "Trace", "current_trace")

MOST_SPANS: Final = 500
"""How many spans a trace keeps; with the 100 requests of the toolbar's history, some 15 MB."""

MAIN_LANE: Final = 0
"""The lane of the request itself; each of its tasks has another one."""

LONGEST_LABEL: Final = 500
"""How many characters of a statement or name are kept."""


@dataclass(slots=True)
class Span:
    """A part of a request's time.

    Attributes:
        kind: ``wait``, ``thread``, ``task`` or ``sql``.
        label: The name of the coroutine, function or task, or the statement.
        began_at: When it began. A call in a thread begins in the queue.
        lane: The lane in which it happened; a task has its own.
        place: The line of the application that has caused it, if any.
        ended_at: When it ended; None while it lasts.
        ran_at: When a thread began with a call.
        thread_name: The thread of a call.
    """

    kind: str
    label: str
    began_at: float
    lane: int = MAIN_LANE
    place: Place | None = None
    ended_at: float | None = None
    ran_at: float | None = None
    thread_name: str = ""


@dataclass(slots=True)
class Trace:
    """The record of one request.

    Attributes:
        method, path: Those of the request.
        on_loop: Whether it ran on the event loop; otherwise in a thread.
        began_at: When it began; if it had to wait for a thread, when it was queued.
        outer: The trace of the request within which it ran, if any.
        ended_at: When its response was ready; None before that.
        ran_at: When it got its thread; None if it did not wait for one.
        thread_name: The thread; empty for the event loop.
        route: The name of its route, if any.
        reason: Why it ran where it did.
        status: The status code of its response; None if it raised an exception.
        spans: Its parts, in the order of their beginnings.
        left_out: How many further spans were not kept.
        open_thread_waits: How many threads wait for coroutines now.
    """

    method: str
    path: str
    on_loop: bool
    began_at: float
    outer: "Trace | None" = None
    ended_at: float | None = None
    ran_at: float | None = None
    thread_name: str = ""
    route: str | None = None
    reason: str = ""
    status: int | None = None
    spans: list[Span] = field(default_factory=list)
    left_out: int = 0
    open_thread_waits: int = 0
    _open: dict[int, Span] = field(default_factory=dict)
    _lanes: dict[int, int] = field(default_factory=dict)

    def begin(self, key: int, span: Span) -> None:
        """Add a span that lasts.

        Args:
            key: The identity of the object that the span is about, for :meth:`end`.
            span: The span.
        """
        if len(self.spans) >= MOST_SPANS:
            self.left_out += 1
            return
        span.label = span.label[:LONGEST_LABEL]
        self.spans.append(span)
        self._open[key] = span

    def find(self, key: int) -> Span | None:
        """Return a span that lasts, or None."""
        return self._open.get(key)

    def end(self, key: int) -> None:
        """End a span; it has no effect if there is none."""
        span = self._open.pop(key, None)
        if span is not None:
            span.ended_at = time.perf_counter()

    # --- Lanes --------------------------------------------------------------------------------

    def add_lane(self, task: int) -> int:
        """Return a new lane for a task, given by its identity."""
        self._lanes[task] = lane = len(self._lanes) + 1
        return lane

    def lane_of(self, task: int) -> int:
        """Return the lane of a task, or that of the request itself."""
        return self._lanes.get(task, MAIN_LANE)


current_trace: Final[ContextVar[Trace | None]] = ContextVar(
    "aiopyramid_debugtoolbar_trace", default=None
)
"""The trace of the request in whose context the code runs, in its tasks and threads as well."""
