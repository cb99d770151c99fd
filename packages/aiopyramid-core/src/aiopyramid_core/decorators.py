"""Decorators for callables that cross the border between coroutines and synchronous code."""

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

from pyramid.exceptions import ConfigurationError

from ._bridge.driver import spawn_greenlet
from ._callables import is_coroutine_callable, mark_awaiting, prepare_generators, wrap_as
from ._coroutines import ASYNC_PROTOCOLS
from .awaiting import await_, can_await

__all__ = ("spawn_greenlet_on_scope_error", "synchronize")

P = ParamSpec("P")
T = TypeVar("T")


_Coroutine = Coroutine[Any, Any, T] | Generator[Any, Any, T]
"""The return value of a coroutine function, written with ``async def`` or ``yield from``."""


class _Synchronize(Protocol):
    """``synchronize()``."""

    @overload
    def __call__(self, function: type[T], /) -> type[T]: ...
    @overload
    def __call__(self, function: Callable[P, _Coroutine[T]], /) -> Callable[P, T]: ...


class _SynchronizeLeniently(Protocol):
    """``synchronize(strict=False)``: a function returns its result or an awaitable."""

    @overload
    def __call__(self, function: type[T], /) -> type[T]: ...
    @overload
    def __call__(self, function: Callable[P, Awaitable[Any]], /) -> Callable[P, Any]: ...


@overload
def synchronize(function: type[T], /, *, strict: bool = True) -> type[T]: ...
@overload
def synchronize(
    function: Callable[P, _Coroutine[T]], /, *, strict: Literal[True] = True
) -> Callable[P, T]: ...
@overload
def synchronize(
    function: Callable[P, Awaitable[Any]], /, *, strict: Literal[False]
) -> Callable[P, Any]: ...
@overload
def synchronize(function: None = None, /, *, strict: Literal[True] = True) -> _Synchronize: ...
@overload
def synchronize(function: None = None, /, *, strict: Literal[False]) -> _SynchronizeLeniently: ...


def synchronize(function: Any = None, /, *, strict: bool = True) -> Any:
    """Let synchronous code call a coroutine function as if it were a synchronous function.

    Works with and without arguments::

        @synchronize
        async def load_user(request): ...

        user = load_user(request)  # in a tween, a policy, a predicate, a view …

    and on a class. It then synchronizes every coroutine method, including inherited ones::

        @synchronize
        class Policy:
            async def identity(self, request): ...

    mypy needs :mod:`aiopyramid_core.mypy_plugin` for the types of such a class; pyright does not
    know them.

    The caller waits but the event loop does not. The caller may be synchronous code called by a
    coroutine, at any depth.

    Args:
        function: A coroutine function, a generator function that delegates with
            ``yield from``, or a class.
        strict: Whether to accept coroutine functions only. When False, any callable that returns
            an awaitable is accepted, and a call where nothing can wait returns the awaitable
            instead of raising.

    Returns:
        A synchronous function with the parameters of ``function``, or the class itself. A call
        raises :class:`~aiopyramid_core.ScopeError` where nothing can wait; see
        :func:`~aiopyramid_core.await_`.

    Raises:
        ConfigurationError: ``strict`` is true and ``function`` is neither a coroutine function nor
            a class with a coroutine method.
    """
    if function is None:
        return functools.partial(synchronize, strict=strict)
    if inspect.isclass(function):
        return _synchronize_class(function, strict)
    if strict and not is_coroutine_callable(function):
        raise ConfigurationError(
            f"Attempted to synchronize {function!r}, which is not a coroutine function. Declare"
            " it with 'async def', or pass strict=False if it returns an awaitable."
        )
    prepare_generators(function)

    def synchronized(*args: Any, **kwargs: Any) -> Any:
        if not strict and not can_await():
            return function(*args, **kwargs)
        return await_(function(*args, **kwargs))

    mark_awaiting(synchronized)
    return wrap_as(function, synchronized)


def _synchronize_class(cls: type[T], strict: bool) -> type[T]:
    found = False
    for name, member in inspect.getmembers_static(cls):
        kind = type(member) if isinstance(member, (classmethod, staticmethod)) else None
        function = member.__func__ if kind is not None else member
        if inspect.iscoroutinefunction(function) and name not in ASYNC_PROTOCOLS:
            synchronized = synchronize(function, strict=strict)
            setattr(cls, name, synchronized if kind is None else kind(synchronized))
            found = True
    if strict and not found:
        raise ConfigurationError(
            f"Attempted to synchronize {cls!r}, which has no coroutine method. Declare its methods"
            " with 'async def'."
        )
    return cls


def spawn_greenlet_on_scope_error(function: Callable[P, T], /) -> Callable[P, Any]:
    """Let both coroutines and synchronous code call a synchronous function that may wait.

    Synchronous code gets the value. A coroutine that calls the function directly gets an awaitable
    for the value, so that it can write ``await policy.effective_principals(request)``. Code that
    runs where nothing can wait gets an awaitable as well.

    Args:
        function: A synchronous callable that calls synchronized coroutines.

    Returns:
        A function with the parameters of ``function``, which returns its value or an awaitable.
    """

    def value_or_awaitable(*args: P.args, **kwargs: P.kwargs) -> Any:
        # A coroutine view runs in a greenlet where ``function`` could simply be called. Only the
        # caller's frame shows that the caller is going to await the result.
        if sys._getframe(1).f_code.co_flags & _COROUTINE_FLAGS or not can_await():
            return spawn_greenlet(function, *args, **kwargs)
        return function(*args, **kwargs)

    return wrap_as(function, value_or_awaitable)


_COROUTINE_FLAGS = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR
