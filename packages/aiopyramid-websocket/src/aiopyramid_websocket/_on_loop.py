"""Calls on the event loop for work on a connection, wherever the request runs."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from aiopyramid_core import await_
from aiopyramid_core.servers import on_a_loop

__all__ = ("call_on_loop",)

P = ParamSpec("P")
T = TypeVar("T")


def call_on_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a synchronous function on the event loop, and wait for it.

    The function may await there just as in the calling thread.

    Raises:
        BaseException: Any exception that ``function`` raised.
    """
    if on_a_loop():
        return function(*args, **kwargs)

    async def call() -> T:
        return function(*args, **kwargs)

    return await_(call())
