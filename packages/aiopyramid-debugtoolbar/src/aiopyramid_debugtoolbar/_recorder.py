"""The observer that records requests."""

import asyncio
import re
import sys
import time
from typing import Any, Final

from aiopyramid_core.observing import (
    Observer,
    ThreadCall,
    current_thread_call,
    explain_placement,
    frames_below,
    is_call_in_thread,
)

from ._places import Place, callers, find_place
from ._trace import LONGEST_LABEL, MAIN_LANE, Span, Trace, current_trace

__all__ = ("Recorder",)

_HERE: Final = 1
"""The depth of the frame that calls a method of the observer."""

_DEFAULT_NAME: Final = re.compile(r"Task-\d+|None")
"""The names that asyncio gives to tasks: if the loop has a task factory, Python 3.13.0 names a task
without a name "None".
"""


class Recorder(Observer):
    """Records each request into a trace in a context variable."""

    # --- Requests -----------------------------------------------------------------------------

    def request_began(self, request: Any, *, on_loop: bool) -> None:
        """Begin a trace."""
        trace = Trace(request.method, request.path, on_loop, time.perf_counter())
        trace.outer = current_trace.get()
        call = current_thread_call.get()
        if call is not None and call.is_request and trace.outer is None:
            trace.began_at, trace.ran_at = call.queued_at, call.began_at
            trace.thread_name = call.thread_name
        current_trace.set(trace)

    def request_ended(self, request: Any, response: Any | None) -> None:
        """End the trace, and with it what is recorded in this context."""
        trace = current_trace.get()
        if trace is None:
            return
        trace.ended_at = time.perf_counter()
        trace.reason = explain_placement(request)
        trace.status = None if response is None else response.status_int
        route = getattr(request, "matched_route", None)
        trace.route = None if route is None else route.name
        current_trace.set(trace.outer)
        trace.outer = None

    # --- Waits --------------------------------------------------------------------------------

    def wait_began(self, coroutine: Any) -> None:
        """Begin a wait of the event loop."""
        trace = current_trace.get()
        if trace is None:
            return
        below = list(frames_below(coroutine))
        if any(map(is_call_in_thread, below)):
            return  # recorded as the call in a thread that it waits for
        place = find_place([*reversed(below), *callers(sys._getframe(_HERE))])
        if place is None and trace.open_thread_waits:
            return  # the same as the wait of the thread, whose place is known
        label = _awaited(place, coroutine)
        span = Span("wait", label, time.perf_counter(), _lane(trace), place)
        trace.begin(id(coroutine), span)

    def wait_ended(self, coroutine: Any) -> None:
        """End it."""
        trace = current_trace.get()
        if trace is not None:
            trace.end(id(coroutine))

    def thread_wait_began(self, awaitable: Any) -> None:
        """Begin a wait of a thread."""
        trace = current_trace.get()
        if trace is None:
            return
        trace.open_thread_waits += 1
        place = find_place(callers(sys._getframe(_HERE)))
        span = Span("wait", _name(awaitable), time.perf_counter(), MAIN_LANE, place)
        trace.begin(_of_thread(awaitable), span)

    def thread_wait_ended(self, awaitable: Any) -> None:
        """End it."""
        trace = current_trace.get()
        if trace is not None:
            trace.open_thread_waits -= 1
            trace.end(_of_thread(awaitable))

    # --- Calls in threads ---------------------------------------------------------------------

    def call_queued(self, call: ThreadCall) -> None:
        """Begin a call in a thread."""
        trace = current_trace.get()
        if trace is None or call.is_request:
            return
        place = find_place(callers(sys._getframe(_HERE)))
        span = Span("thread", _name(call.function), call.queued_at, _lane(trace), place)
        trace.begin(id(call), span)

    def call_began(self, call: ThreadCall) -> None:
        """Note the thread."""
        trace = current_trace.get()
        span = None if trace is None else trace.find(id(call))
        if span is not None:
            span.ran_at, span.thread_name = call.began_at, call.thread_name

    def call_ended(self, call: ThreadCall) -> None:
        """End the call."""
        trace = current_trace.get()
        if trace is not None:
            trace.end(id(call))

    # --- Tasks --------------------------------------------------------------------------------

    def task_began(self, task: Any, coroutine: Any) -> None:
        """Begin a task, which gets a lane of its own."""
        trace = current_trace.get()
        if trace is None:
            return
        place = find_place(callers(sys._getframe(_HERE)))
        label = _name(_inner(coroutine))
        span = Span("task", label, time.perf_counter(), trace.add_lane(id(task)), place)
        trace.begin(id(task), span)

        def end(done: Any) -> None:
            name = done.get_name()  # only now, since asyncio sets it after it has made the task
            if name != label and not _DEFAULT_NAME.fullmatch(name):
                span.label = f"{name}: {label}"[:LONGEST_LABEL]
            trace.end(id(done))

        # Not in task_ended(), because the context there may be another one.
        task.add_done_callback(end)


def _lane(trace: Trace) -> int:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # in a thread
        return MAIN_LANE
    return trace.lane_of(id(task))


def _of_thread(awaitable: Any) -> int:
    return -id(awaitable)  # the same coroutine also waits on the event loop


def _awaited(place: Place | None, coroutine: Any) -> str:
    if place is None:
        return _name(coroutine)
    return place.awaited or f"a future, in {place.function}"


def _name(item: Any) -> str:
    return getattr(item, "__qualname__", None) or type(item).__qualname__


def _inner(coroutine: Any) -> Any:
    """Return the application's coroutine within the one that a background task runs."""
    frame = getattr(coroutine, "cr_frame", None)
    if frame is not None and frame.f_code.co_name == "run_in_task":
        return frame.f_locals.get("coroutine", coroutine)
    return coroutine
