"""The greenlets in which requests run, created once and reused.

Such a greenlet only runs one call after another; ``driver`` switches into it.
"""

import os
import threading
import weakref
from typing import Any, Final, NamedTuple, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

__all__ = (
    "ENDED",
    "BridgeGreenlet",
    "GreenletCounts",
    "OrphanGreenlet",
    "greenlet_counts",
    "idle_greenlets",
    "kills_greenlet",
    "new_greenlet",
    "park",
    "take",
)

G = TypeVar("G", bound="BridgeGreenlet")

ENDED: Final = object()
"""The value that a greenlet switches up when its call has ended."""

_IDLE_LIMIT: Final = 1024
"""The maximum number of parked greenlets per thread.

A parked greenlet holds about 17 KB (the chunk of its interpreter frames), so a thread that has run
this many requests at a time keeps some 17 MB. With a limit of 256, each of 1,000 requests waiting
at the same time took an eighth more CPU time, because greenlets were created again.
"""


class BridgeGreenlet(greenlet):
    """A reusable greenlet that runs one call at a time and parks in between.

    Greenlets are kept because creating one and growing a new stack in it costs ten times as much
    as switching into a parked one.

    Attributes:
        driver: The greenlet that drives this one, under another name: other code which asks for
            the ``parent`` gets an object that awaits (see ``sqlalchemy``).
        result: The return value of the last call.
        error: The exception of the last call, or None.
    """

    __slots__ = ("error", "result")

    driver = greenlet.parent
    result: Any
    error: BaseException | None


class OrphanGreenlet(BridgeGreenlet):
    """A greenlet in a child process, whose driver and event loop belong to the parent."""

    __slots__ = ()


def _orphan_in_child() -> None:
    current = getcurrent()
    if type(current) is BridgeGreenlet:
        current.__class__ = OrphanGreenlet
    idle_greenlets.stack.clear()
    idle_greenlets.all.clear()


os.register_at_fork(after_in_child=_orphan_in_child)


def _work() -> None:
    """Run calls forever, as they are switched in.

    The garbage collector cannot look into a suspended greenlet: if its own frames referred to it,
    it would never be freed. So no variable here or in ``driver._await_suspended`` holds the current
    greenlet across a switch.
    """
    switch = getcurrent().driver.switch
    while True:
        function, args, kwargs = switch(ENDED)
        try:
            result, error = function(*args, **kwargs), None
        except GreenletExit:
            # Raised when the greenlet is killed or freed while it is suspended. A greenlet that
            # swallowed it would continue to run.
            raise
        except BaseException as raised:
            result, error = None, raised
        current = getcurrent()
        current.result, current.error = result, error
        switch = current.driver.switch
        # A parked greenlet must not keep the last request alive.
        function = args = kwargs = result = error = current = None


def kills_greenlet(error: BaseException) -> bool:
    """Return whether an exception is the one that ends a greenlet killed while it waits.

    For servers and other code that catches ``BaseException`` around code that may await: this
    exception must be raised again. A greenlet that swallowed it would continue to run.

    Args:
        error: The caught exception.
    """
    return isinstance(error, GreenletExit)


class _IdleGreenlets(threading.local):
    """The parked greenlets of each thread; a greenlet can never move to another thread.

    Attributes:
        stack: The parked greenlets; the last one was used last.
        all: All greenlets that exist, parked or not.
    """

    def __init__(self) -> None:
        self.stack: list[BridgeGreenlet] = []
        self.all: weakref.WeakSet[BridgeGreenlet] = weakref.WeakSet()


idle_greenlets: Final = _IdleGreenlets()


def new_greenlet(kind: type[G]) -> G:
    """Return a new greenlet that waits for a call, as a child of the calling greenlet."""
    worker = kind(_work)
    idle_greenlets.all.add(worker)
    worker.switch()  # to where it waits for a call
    return worker


class GreenletCounts(NamedTuple):
    """The greenlets of the calling thread.

    Attributes:
        used: How many run a call, such as a request.
        idle: How many are kept for further calls.
    """

    used: int
    idle: int


def greenlet_counts() -> GreenletCounts:
    """Return how many greenlets the calling thread has; call it on the event loop."""
    idle = len(idle_greenlets.stack)
    return GreenletCounts(len(idle_greenlets.all) - idle, idle)


def take(idle: list[BridgeGreenlet], current: greenlet) -> BridgeGreenlet:
    """Return a parked greenlet, or a new one, as a child of the calling greenlet.

    Args:
        idle: The parked greenlets of this thread.
        current: The calling greenlet. The child gets its very Context object, not a copy:
            greenlet's own attribute is the only way to get hold of it before Python 3.12.
    """
    worker = idle.pop() if idle else new_greenlet(BridgeGreenlet)
    if worker.driver is not current:  # most have had the same one, and to set it takes longer
        worker.driver = current
    worker.gr_context = current.gr_context
    return worker


def park(worker: BridgeGreenlet, idle: list[BridgeGreenlet]) -> None:
    """Keep a greenlet whose call has ended for the next one, if there is room."""
    worker.result = worker.error = worker.gr_context = None
    if len(idle) < _IDLE_LIMIT:
        idle.append(worker)
