"""A fence around one connection: a failure in it ends it, and does not affect the others.

The callbacks of a connection are called by code that looks after many of them: the event loop, the
stopping server, the watch. An exception raised there would end *their* work.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ("Fenced", "fenced")

P = ParamSpec("P")


class Fenced(Protocol):
    """A connection that can be ended in any state."""

    def break_off(self) -> None:
        """Log the exception that is being handled, and abort the connection; raise nothing."""


_Fenced = TypeVar("_Fenced", bound=Fenced)


def fenced(
    callback: Callable[Concatenate[_Fenced, P], None],
) -> Callable[Concatenate[_Fenced, P], None]:
    """Make a method abort its own connection instead of raising an :class:`Exception`."""

    @functools.wraps(callback)
    def within_fence(self: _Fenced, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception:
            self.break_off()

    return within_fence
