"""The garbage collector of a worker that has loaded its applications and begins to serve."""

import gc
from typing import Final

__all__ = ("collect_less_often", "prepare_collector")

_PYTHONS_DEFAULTS: Final = (700, 2000)
"""How many new objects Python's versions start a collection for; any other number is someone's."""

_NEW_OBJECTS: Final = 10_000
"""For how many new objects a collection starts in a worker.

An open connection consists of a hundred objects, which stay. With Python's number the collector ran
for every seventh of the clients that connected, and took a third of the time of the worker while a
thousand of them did; with this one it takes a third of that. Garbage in cycles waits longer: some
megabytes of it, if its objects are small.
"""


def collect_less_often() -> None:
    """Have the garbage collector run less often than by Python's default.

    A threshold that the application has set is left alone.
    """
    new_objects, *others = gc.get_threshold()
    if new_objects in _PYTHONS_DEFAULTS:
        gc.set_threshold(_NEW_OBJECTS, *others)


def prepare_collector() -> None:
    """Have the garbage collector take less time; to be called once, before the first request.

    The objects that exist now stay, and need not be visited again: in a large application that
    would delay all requests by tens of milliseconds. If they become garbage, it is never
    collected, so this is for processes that do nothing but serve. As for the objects that are made
    later, see :func:`collect_less_often`.
    """
    gc.collect()
    gc.freeze()
    collect_less_often()
