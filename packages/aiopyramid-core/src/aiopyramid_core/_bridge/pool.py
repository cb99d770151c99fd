"""The greenlets in which requests run: made once, used again and again.

A greenlet here knows how to run one call after the other and nothing else; ``driver`` switches
into it.
"""

import os
import threading
from typing import Any, Final

from greenlet import GreenletExit, getcurrent, greenlet

__all__ = ("ENDED", "BridgeGreenlet", "kills_greenlet", "park", "take_idle")

ENDED: Final = object()
"""What a greenlet switches up when its call has ended."""

_IDLE_LIMIT: Final = 1024
"""Parked greenlets kept per thread.

A parked greenlet holds about 17 KB (its interpreter frames' chunk), so that a thread in which so
many requests were under way at a time keeps some 17 MB. With 256, each of 1,000 requests that wait
at a time took an eighth more CPU time, for greenlets made anew.
"""


class BridgeGreenlet(greenlet):
    """A reusable greenlet that runs one call at a time and parks in between.

    Making a greenlet and growing a fresh stack in it costs ten times as much as switching into a
    parked one, which is why they are kept.

    Attributes:
        in_task: Whether a driver that can wait is behind this greenlet already.
        result: What the last call returned.
        error: What the last call raised, or None.
    """

    __slots__ = ("error", "in_task", "result")

    in_task: bool
    result: Any
    error: BaseException | None


class _Orphan(BridgeGreenlet):
    """A greenlet in a child process: its driver, and the event loop, are the parent's."""

    __slots__ = ()


def _orphan_in_child() -> None:
    current = getcurrent()
    if type(current) is BridgeGreenlet:
        current.__class__ = _Orphan
    _idle.stack.clear()


os.register_at_fork(after_in_child=_orphan_in_child)


def _work() -> None:
    """Run calls as they are switched in, for ever.

    A suspended greenlet is beyond the garbage collector: if its own frames referred to it, it
    would never be freed. Hence no variable here or in ``driver.await_in_bridge`` holds the current
    greenlet over a switch.
    """
    while True:
        function, args, kwargs = getcurrent().parent.switch(ENDED)
        try:
            result, error = function(*args, **kwargs), None
        except GreenletExit:
            # Raised here when the greenlet is killed or freed while it is suspended: one that
            # swallowed it would come back from the dead.
            raise
        except BaseException as raised:
            result, error = None, raised
        current = getcurrent()
        current.result, current.error = result, error
        # Nor must a parked greenlet keep the last request alive.
        function = args = kwargs = result = error = current = None


def kills_greenlet(error: BaseException) -> bool:
    """Return whether an exception is the one that ends a greenlet which is killed while it waits.

    For servers, and for whoever else catches ``BaseException`` around code that may await: this one
    must be raised again. A greenlet that swallowed it would come back from the dead.

    Args:
        error: What was caught.
    """
    return isinstance(error, GreenletExit)


class _IdleGreenlets(threading.local):
    """The parked greenlets of each thread; a greenlet can never move to another thread."""

    def __init__(self) -> None:
        self.stack: list[BridgeGreenlet] = []


_idle = _IdleGreenlets()


def take_idle() -> BridgeGreenlet:
    """Return a parked greenlet of this thread, or a new one, as a child of the calling greenlet."""
    stack = _idle.stack
    if stack:
        worker = stack.pop()
        worker.parent = getcurrent()
        return worker
    worker = BridgeGreenlet(_work)
    worker.switch()  # to where it waits for a call
    return worker


def park(worker: BridgeGreenlet) -> None:
    """Keep a greenlet whose call has ended for the next one, if there is room."""
    worker.result = worker.error = None
    worker.gr_context = None
    stack = _idle.stack
    if len(stack) < _IDLE_LIMIT:
        stack.append(worker)
