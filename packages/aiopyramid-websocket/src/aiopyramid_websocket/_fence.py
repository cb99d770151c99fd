"""A fence around one connection: what fails in it ends it, and harms no other.

The callbacks of a connection are called by those who look after many: the event loop, the server
that stops, the watch. Whatever is raised there would end *their* work.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ("Fenced", "fenced")

P = ParamSpec("P")


class Fenced(Protocol):
    """A connection that can be ended in any state."""

    def break_off(self) -> None:
        """Log the exception that is being handled, and end the connection; raises nothing."""


_Fenced = TypeVar("_Fenced", bound=Fenced)


def fenced(
    callback: Callable[Concatenate[_Fenced, P], None],
) -> Callable[Concatenate[_Fenced, P], None]:
    """Have a method end its own connection where it would raise an :class:`Exception`."""

    @functools.wraps(callback)
    def within_fence(self: _Fenced, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception:
            self.break_off()

    return within_fence
