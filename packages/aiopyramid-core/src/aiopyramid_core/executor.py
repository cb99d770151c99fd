"""Running blocking code in threads, from coroutines and from synchronous code alike."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVar, overload

from ._bridge.sqlalchemy import can_switch
from ._callables import wrap_as
from ._off_loop import Call, PendingOutcome, call_elsewhere, finish_transaction, off_loop

__all__ = ("call_in_thread", "call_off_loop", "finish_transaction", "use_executor")

P = ParamSpec("P")
T = TypeVar("T")


async def call_in_thread(
    executor: Executor | None, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a blocking function in a thread and await its result.

    The function sees the caller's context variables and Pyramid's thread-locals, and the caller
    sees its changes to them afterwards. It may call synchronized coroutines: its thread then waits
    while the coroutine runs on the event loop.

    Args:
        executor: A thread pool, or None for the event loop's default executor.
        function: A synchronous callable.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.

    Raises:
        BaseException: Any exception raised by ``function``.
    """
    loop = asyncio.get_running_loop()

    def start(call: Call) -> PendingOutcome:
        return loop.run_in_executor(executor, call)

    result: T = await call_elsewhere(loop, start, functools.partial(function, *args, **kwargs))
    return result


def call_off_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function from synchronous code without blocking the event loop.

    In a coroutine request the function runs in one of the threads for synchronous requests while
    the greenlet waits. Elsewhere there is no event loop to block, so the function is called
    directly.

    Args:
        function: A synchronous callable.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.

    Raises:
        BaseException: Any exception raised by ``function``.
    """
    if can_switch():
        return off_loop(functools.partial(function, *args, **kwargs), at_once=False)
    return function(*args, **kwargs)


@overload
def use_executor(
    function: Callable[P, T], /, *, executor: Executor | None = None
) -> Callable[P, Coroutine[Any, Any, T]]: ...


@overload
def use_executor(
    *, executor: Executor | None = None
) -> Callable[[Callable[P, T]], Callable[P, Coroutine[Any, Any, T]]]: ...


def use_executor(
    function: Callable[..., Any] | None = None, /, *, executor: Executor | None = None
) -> Callable[..., Any]:
    """Turn a blocking function into a coroutine function that runs it in a thread.

    Works with and without arguments::

        @use_executor
        def read(path): ...

        @use_executor(executor=my_pool)
        def resize(image): ...

    Args:
        function: The function to decorate.
        executor: A thread pool, or None for the event loop's default executor.

    Returns:
        A coroutine function with the parameters of ``function``; see :func:`call_in_thread`.
    """
    if function is None:
        return functools.partial(use_executor, executor=executor)

    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        return await call_in_thread(executor, function, *args, **kwargs)

    return wrap_as(function, in_thread)
