"""A loop watchdog for development: ``aiopyramid.debug_blocking``, in seconds.

One blocking call on the event loop holds up all other requests, and nothing shows where it is. The
watchdog is a thread that pings the loop. If the loop does not answer in time, the watchdog logs the
name of the view that runs in the loop's thread, and the stack.
"""

import asyncio
import itertools
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

__all__ = ("NO_FUNCTION", "LoopBlock", "Watchdog", "is_framework")

_log = logging.getLogger("aiopyramid_core")

NO_FUNCTION: Final = "no function on the loop"
"""The culprit if the loop waits for its turn, because a thread computes or the machine is busy."""


@dataclass(frozen=True, slots=True)
class LoopBlock:
    """A block of the event loop: a time in which it was busy with one thing.

    Attributes:
        culprit: The name and place of the function that has blocked, and its request; or
            :data:`NO_FUNCTION`.
        stack: The stack of the loop's thread when the block was noticed.
        began_at: When it began, by ``time.perf_counter()``; up to a quarter of the limit late.
        ended_at: When it ended.
    """

    culprit: str
    stack: str
    began_at: float
    ended_at: float


class Watchdog:
    """Watches the running event loop; made and started on the loop's own thread.

    Args:
        limit_seconds: How long the loop may be busy with one thing.
        on_block: Called with each block when it has ended, in the watchdog's thread; by default a
            block is logged as soon as it is noticed.
    """

    def __init__(
        self, limit_seconds: float, on_block: Callable[[LoopBlock], None] | None = None
    ) -> None:
        self._limit_seconds = limit_seconds
        self._on_block = on_block
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="aiopyramid-watchdog", daemon=True)

    def start(self) -> None:
        """Start to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._limit_seconds / _PINGS_PER_LIMIT):
            self._answered.clear()
            began_at = time.perf_counter()
            try:
                self._loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop is closed
                return
            if self._answered.wait(self._limit_seconds):
                continue
            found = self._look()
            if found is not None and self._on_block is None:
                self._report(*found)
            # One report for one block, however long it lasts.
            while not self._answered.wait(1.0):
                if self._stopped.is_set():
                    return
            if found is not None and self._on_block is not None:
                self._on_block(LoopBlock(*found, began_at, time.perf_counter()))

    def _look(self) -> tuple[str, str] | None:
        """Return what blocks the loop, and the stack of its thread; None if nothing does."""
        frame = sys._current_frames().get(self._loop_thread)
        # Checked again, since the loop may have continued while the frame was looked up.
        if frame is None or self._answered.is_set():
            return None
        culprit = NO_FUNCTION if _runs_nothing(frame) else _culprit(frame)
        return culprit, "".join(traceback.format_stack(frame))

    def _report(self, culprit: str, stack: str) -> None:
        if culprit == NO_FUNCTION:
            _log.warning(
                "The event loop has been delayed for more than %g seconds"
                " (aiopyramid.debug_blocking), but no function on it blocks: a thread computes, or"
                " the machine is busy",
                self._limit_seconds,
            )
            return
        _log.warning(
            "The event loop has been blocked for more than %g seconds (aiopyramid.debug_blocking)"
            " by %s. Make it await, or wrap the blocking call in use_executor:\n%s",
            self._limit_seconds,
            culprit,
            stack,
        )


_PINGS_PER_LIMIT: Final = 4
"""A block is noticed after 1 to 1.25 times the limit."""


def _runs_nothing(frame: FrameType) -> bool:
    """Return whether a loop that does not answer runs no function, judged by its innermost frame.

    Then it waits for events, or for the interpreter.
    """
    module, function = _module_of(frame), frame.f_code.co_name
    if module == "selectors" and frame.f_back is not None:
        function = frame.f_back.f_code.co_name
        module = _module_of(frame.f_back)
    if module == "asyncio.base_events" and function == "_run_once":
        return True
    # A loop written in C, such as uvloop, has no frames: the innermost is that of its caller.
    is_caller = {"run_forever", "run_until_complete"} & set(frame.f_code.co_names)
    return bool(is_caller) and (is_framework(frame) or module.partition(".")[0] in _RUNNERS)


_RUNNERS: Final = frozenset({"asyncio", "hypercorn", "uvicorn"})
"""Packages that run a loop, besides those of this project."""


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


def _culprit(frame: FrameType) -> str:
    """Return the name of the view or tween that is running, judged by its frames.

    It is the innermost function of the application that Pyramid, or a package of this project, has
    called.
    """
    frames = [each for each, _ in traceback.walk_stack(frame)]
    called = frames[0]  # for example in a Task of its own, without frames of a framework
    for callee, caller in itertools.pairwise(frames):
        if is_framework(caller) and not is_framework(callee):
            called = callee
            break
    code = called.f_code
    where = f"{_module_of(called)}.{code.co_qualname} ({code.co_filename}:{called.f_lineno})"
    request = next((r for each in frames if (r := _request_of(each)) is not None), None)
    if request is None:
        return where
    route = getattr(request, "matched_route", None)
    name = f"path {request.path!r}" if route is None else f"route {route.name!r}"
    return f"{where} ({request.method} {request.path}, {name})"


def _request_of(frame: FrameType) -> Any:
    return frame.f_locals.get("request") if frame.f_code.co_name in _REQUEST_FRAMES else None


_REQUEST_FRAMES: Final = frozenset({"handle_request", "invoke_request"})
"""Functions of ``pyramid.router`` with a local variable ``request``."""


def is_framework(frame: FrameType) -> bool:
    """Return whether a frame is of Pyramid or of this project, and not of an application.

    Args:
        frame: The frame.
    """
    return _module_of(frame).partition(".")[0] in _FRAMEWORK


# By their names, since an application's own may begin like ours.
_FRAMEWORK: Final = frozenset(
    {
        "aiopyramid",
        "aiopyramid_asgi",
        "aiopyramid_core",
        "aiopyramid_debugtoolbar",
        "aiopyramid_groups",
        "aiopyramid_gunicorn",
        "aiopyramid_gunicorn_fast",
        "aiopyramid_metrics",
        "aiopyramid_sqlalchemy",
        "aiopyramid_traversal",
        "aiopyramid_uwsgi",
        "aiopyramid_websocket",
        "pyramid",
    }
)
