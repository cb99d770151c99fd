"""The helpers, where aiopyramid 0.x had them; new code: ``aiopyramid_core``."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import aiopyramid_core
from aiopyramid_core import spawn_greenlet_on_scope_error, synchronize, use_executor
from aiopyramid_core.legacy import run_in_greenlet

__all__ = (
    "is_generator",
    "run_in_greenlet",
    "spawn_greenlet",
    "spawn_greenlet_on_scope_error",
    "synchronize",
    "use_executor",
)


async def spawn_greenlet(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Run a synchronous function in a greenlet, and await the future that it may return.

    Unlike this function, :func:`aiopyramid_core.spawn_greenlet` leaves futures to its caller.

    Args:
        func: A synchronous callable.
        *args: Passed on to ``func``.
        **kwargs: Passed on to ``func``.

    Returns:
        The return value of ``func``, or the result of the future that it returned.

    Raises:
        BaseException: Any exception that ``func`` or the future raised.
    """
    result = await aiopyramid_core.spawn_greenlet(func, *args, **kwargs)
    while isinstance(result, asyncio.Future):
        result = await result
    return result


def is_generator(func: object) -> bool:
    """Return whether an object can be used as a coroutine with ``yield from``.

    Args:
        func: Any object. Generator functions, generators and futures can; coroutine functions
            cannot.
    """
    return (
        inspect.isgeneratorfunction(func)
        or inspect.isgenerator(func)
        or isinstance(func, asyncio.Future)
    )
