"""Observers: what requests, threads, Tasks and connections do, told as it happens.

For packages that show or measure this: a panel of the debug toolbar, or metrics. ::

    class CountRequests(Observer):
        def request_ended(self, request, response):
            requests.labels(request.matched_route.name).inc()

    def includeme(config):
        config.include("aiopyramid_core")
        add_observer(CountRequests())

Several observers may be active. Without one nothing is recorded, and requests take as long as if
there were no observers.

The watchdog for blocks of the event loop is :class:`~aiopyramid_core.watchdog.Watchdog`; the use of
the threads is :func:`~aiopyramid_core.thread_counts`.
"""

from collections.abc import Iterator
from types import CoroutineType, FrameType
from typing import Any

from ._bridge.pool import GreenletCounts, greenlet_counts
from ._bridge.tasks import observe_tasks
from ._observer import Observer, OpenConnection, ThreadCall
from ._observing import (
    add_observer,
    current_observer,
    current_thread_call,
    remove_observer,
)
from ._off_loop import call_elsewhere
from ._requests.report import explain_placement

__all__ = (
    "GreenletCounts",
    "Observer",
    "OpenConnection",
    "ThreadCall",
    "add_observer",
    "current_observer",
    "current_thread_call",
    "explain_placement",
    "frames_below",
    "greenlet_counts",
    "is_call_in_thread",
    "observe_tasks",
    "remove_observer",
)


def frames_below(coroutine: Any) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine and of those that it awaits, the outermost first.

    Args:
        coroutine: The coroutine, as in :meth:`Observer.wait_began`.
    """
    waiting = coroutine
    while waiting is not None:
        if isinstance(waiting, CoroutineType):
            frame, awaited = waiting.cr_frame, waiting.cr_await
        else:  # a generator; a future ends the chain, as does an async generator
            frame = getattr(waiting, "gi_frame", None)
            awaited = getattr(waiting, "gi_yieldfrom", None)
        if frame is None:
            return
        if awaited is None and frame.f_code.co_name == _STEPS:
            # It runs the steps of another coroutine instead of awaiting it.
            awaited = frame.f_locals.get("coroutine")
        yield frame
        waiting = awaited


def is_call_in_thread(frame: FrameType) -> bool:
    """Return whether a frame only waits for a :class:`ThreadCall`.

    Args:
        frame: One of the frames of :func:`frames_below`.
    """
    return frame.f_code is call_elsewhere.__code__


_STEPS = "_step_in_greenlets"
"""The generator function in ``_bridge.driver``."""
