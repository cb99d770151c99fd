"""Connections of asyncio drivers, for code that does not run on the event loop.

A connection of an asyncio driver belongs to an event loop, and so does SQLAlchemy's
``AsyncAdaptedQueuePool``, whose queue wakes waiting tasks without regard to threads. But the code
that uses them may run elsewhere: in the thread of a synchronous request, or in a script, where no
greenlet of SQLAlchemy's kind is above it. So the calls that reach a connection or the pool are made
on the thread of the event loop, in a greenlet, wherever the calling code runs.
"""

import functools
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy.pool import Pool
from sqlalchemy.util.concurrency import in_greenlet

from aiopyramid_core import await_, can_await, run, spawn_greenlet
from aiopyramid_core.executor import finish_transaction
from aiopyramid_core.servers import on_a_loop

__all__ = ("keep_dialect_on_loop", "on_loop", "pool_on_loop", "to_the_end_on_loop")

P = ParamSpec("P")
T = TypeVar("T")


def on_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function on the thread of the event loop.

    Args:
        function: A synchronous callable, which may use the connection of an asyncio driver.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.
    """
    if on_a_loop():
        return function(*args, **kwargs)
    if can_await():
        return await_(spawn_greenlet(function, *args, **kwargs))
    return run(_call_on_loop, function, *args, **kwargs)


def _call_on_loop(function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    if on_a_loop():
        return function(*args, **kwargs)
    return await_(spawn_greenlet(function, *args, **kwargs))


_CALLS: Final = (
    "do_begin",
    "do_begin_twophase",
    "do_close",
    "do_commit",
    "do_commit_twophase",
    "do_execute",
    "do_execute_no_params",
    "do_executemany",
    "do_ping",
    "do_prepare_twophase",
    "do_recover_twophase",
    "do_rollback",
    "do_rollback_twophase",
    "do_terminate",
    "get_isolation_level",
    "reset_isolation_level",
    "set_isolation_level",
)
"""The methods of a dialect that reach a connection (SQLAlchemy, ``sqlalchemy.engine.Dialect``)."""


_LAST_CALLS: Final = ("do_close", "do_rollback", "do_terminate")
"""Those of them that precede the return of a connection to the pool."""


def to_the_end_on_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function like :func:`on_loop`; a cancellation is left to the next wait.

    Args:
        function: A synchronous callable that ends the use of a connection. If it were interrupted,
            SQLAlchemy would not always return the connection to the pool.
        *args: Passed on to ``function``.
        **kwargs: Passed on to ``function``.

    Returns:
        The return value of ``function``.
    """
    call = functools.partial(on_loop, function, *args, **kwargs)
    return finish_transaction(call, awaits=True, postpones=True)


def keep_dialect_on_loop(dialect: Any) -> None:
    """Have a dialect reach its connections on the event loop.

    Args:
        dialect: The dialect of one engine.
    """
    for name in _CALLS:
        call = to_the_end_on_loop if name in _LAST_CALLS else on_loop
        setattr(dialect, name, functools.partial(call, getattr(dialect, name)))
    context = dialect.execution_ctx_cls
    dialect.execution_ctx_cls = type(context.__name__, (_ContextOnLoop, context), {})


class _ContextOnLoop:
    """The creation of cursors, some of which wait; mixed into the dialect's execution context."""

    def create_cursor(self) -> Any:
        create_cursor = super().create_cursor  # type: ignore[misc]
        # Most do not, so a thread that can wait need not call the event loop for it.
        return create_cursor() if in_greenlet() else on_loop(create_cursor)


class _PoolOnLoop:
    """A pool that works on the event loop; mixed into the pool that the dialect prefers."""

    def _do_get(self) -> Any:
        return on_loop(super()._do_get)  # type: ignore[misc]

    def _do_return_conn(self, record: Any) -> None:
        return_connection = super()._do_return_conn  # type: ignore[misc]
        if on_a_loop():
            return_connection(record)  # which waits for nothing
        else:
            to_the_end_on_loop(return_connection, record)

    def dispose(self) -> None:
        to_the_end_on_loop(super().dispose)  # type: ignore[misc]


@functools.cache
def pool_on_loop(pool: type[Pool]) -> type[Pool]:
    """Return a class of pools whose connections come and go on the event loop.

    Args:
        pool: The class of the pool, such as ``AsyncAdaptedQueuePool``.
    """
    return type(f"{pool.__name__}OnLoop", (_PoolOnLoop, pool), {})
