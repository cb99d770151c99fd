"""The end of event streams when their server begins to stop, and the return of their clients.

Streams end one after the other, and each says after which time its client is to connect again.
These times differ, because streams of other workers end as well.
"""

import random
from collections.abc import Callable
from typing import Final

from pyramid.threadlocal import get_current_registry

from .lifespan import is_installed, lifespan_of

__all__ = ("WhenStopping", "never", "when_stopping")

End = Callable[[int], object]
"""Ends a stream, whose client is to connect again after that many milliseconds."""

WhenStopping = Callable[[End], Callable[[], None]]
"""Has a stream ended when the server begins to stop; returns a function that withdraws this."""

_FIRST_MILLISECONDS: Final = 100
_LAST_MILLISECONDS: Final = 500
"""Between these times after its stream's end, each client connects again."""


def when_stopping() -> WhenStopping:
    """Return how a stream of the current application is ended when its server stops."""
    registry = get_current_registry()
    if not is_installed(registry):
        return never
    lifespan = lifespan_of(registry)
    return lambda end: lifespan.when_stopping(lambda: end(_retry_milliseconds()), in_turn=True)


def never(end: End) -> Callable[[], None]:
    """Do not end a stream."""
    return lambda: None


def _retry_milliseconds() -> int:
    return random.randrange(_FIRST_MILLISECONDS, _LAST_MILLISECONDS)
