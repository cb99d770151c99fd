"""The end of event streams when their server begins to stop, and the return of their clients.

A stream says after which time its client is to connect again. The times differ, because the worker
that all of these clients come to has other requests as well.
"""

import functools
import random
from collections.abc import Callable
from typing import Final

from pyramid.threadlocal import get_current_registry

from .lifespan import Lifespan, is_installed, lifespan_of

__all__ = ("WhenStopping", "never", "when_stopping")

End = Callable[[int], object]
"""Ends a stream, whose client is to connect again after that many milliseconds."""

WhenStopping = Callable[[End], Callable[[], None]]
"""Has a stream ended when the server begins to stop; returns a function that withdraws this."""

_FIRST_MILLISECONDS: Final = 100
"""After which time the first client connects again."""

_LEAST_SPREAD_MILLISECONDS: Final = 400
"""Within which time after that all of them do, unless they would be more than one a millisecond."""

_open: Final[set[End]] = set()
"""The streams of this process that end when the server stops."""


def when_stopping() -> WhenStopping:
    """Return how a stream of the current application is ended when its server stops."""
    registry = get_current_registry()
    if not is_installed(registry):
        return never
    return functools.partial(_when_stopping, lifespan_of(registry))


def never(end: End) -> Callable[[], None]:
    """Do not end a stream."""
    return lambda: None


def _when_stopping(lifespan: Lifespan, end: End) -> Callable[[], None]:
    _open.add(end)
    withdraw = lifespan.when_stopping(lambda: end(_retry_milliseconds()))

    def withdraw_and_forget() -> None:
        _open.discard(end)
        withdraw()

    return withdraw_and_forget


def _retry_milliseconds() -> int:
    spread = max(_LEAST_SPREAD_MILLISECONDS, len(_open))
    return _FIRST_MILLISECONDS + random.randrange(spread)
