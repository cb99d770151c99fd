"""Inspection of callables: whether a view is a coroutine, and wrappers with its signature.

A view is a function, a bound method, a callable instance, a ``functools.partial`` or a class with
a method to call; any of them may be decorated. Whether it is a coroutine is decided by the
functions inside it.
"""

import contextlib
import dis
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = (
    "awaits_by_itself",
    "called_by",
    "is_coroutine_callable",
    "is_coroutine_function",
    "is_coroutine_outside",
    "layers_of",
    "mark_awaiting",
    "prepare_generators",
    "wrap_as",
)

_AWAITING: Final = "__aiopyramid_awaiting__"


def called_by(view: Any, attr: str | None = None) -> Any:
    """Return the callable that handles a request when Pyramid calls a view.

    Args:
        view: A view callable, as given to ``config.add_view``.
        attr: The name of the method to call, as given to ``config.add_view``.

    Returns:
        The method of a class or instance (unbound for a class), or ``view`` itself.
    """
    if inspect.isclass(view) or attr is not None:
        return getattr(view, attr or "__call__", view)
    return view


def mark_awaiting(function: Callable[..., Any]) -> None:
    """Record that a synchronous function awaits by itself and so never blocks the event loop."""
    setattr(function, _AWAITING, True)


def awaits_by_itself(function: Any) -> bool:
    """Return whether :func:`mark_awaiting` was called for a function."""
    return getattr(function, _AWAITING, False) is True


def is_coroutine_callable(function: Any) -> bool:
    """Return whether a call of ``function`` belongs on the event loop.

    True for coroutine functions, generator functions that delegate (coroutines written with ``yield
    from``), synchronized coroutines, and for everything that wraps one of them:
    ``functools.partial``, methods, instances with such a ``__call__``, and decorators that use
    ``functools.wraps``.

    Args:
        function: A callable.
    """
    return any(
        is_coroutine_function(layer) or awaits_by_itself(layer) for layer in layers_of(function)
    )


def is_coroutine_outside(function: Any) -> bool:
    """Return whether ``function`` is a coroutine before any decorator's synchronous function is."""
    for layer in layers_of(function):
        if is_coroutine_function(layer) or awaits_by_itself(layer):
            return True
        if inspect.isfunction(layer):
            return False
    return False


def is_coroutine_function(function: Any) -> bool:
    """Return whether ``function`` itself, whatever it wraps, is a coroutine function.

    A generator function is one if it uses ``yield from`` or if ``types.coroutine`` has flagged it.
    One that only uses ``yield`` produces values, such as rows for a renderer.
    """
    if inspect.iscoroutinefunction(function):
        return True
    if not inspect.isgeneratorfunction(function):
        return False
    code = getattr(function, "__code__", None)
    if code is None:
        return False  # functools.partial: the function is its next layer
    return bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE) or _delegates(code)


@functools.lru_cache(maxsize=1000)
def _delegates(code: types.CodeType) -> bool:
    return any(each.opname == "GET_YIELD_FROM_ITER" for each in dis.get_instructions(code))


def prepare_generators(function: Any) -> None:
    """Let the generator functions inside ``function`` use ``yield from coroutine()``.

    Python allows that only in functions which ``types.coroutine`` has flagged. Generator functions
    without ``yield from`` are not changed.

    Args:
        function: A callable; nothing happens if there is no generator function inside it.
    """
    for layer in layers_of(function):
        if (
            inspect.isfunction(layer)
            and inspect.isgeneratorfunction(layer)
            and is_coroutine_function(layer)
        ):
            types.coroutine(layer)


def wrap_as(function: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Make ``wrapper`` look like ``function``, the signature included.

    Pyramid reads the signature to find out whether a view takes one argument or two, and does not
    follow ``functools.wraps``.
    """
    functools.update_wrapper(wrapper, function)
    # Where there is none (some built-in callables), Pyramid assumes two arguments.
    with contextlib.suppress(ValueError, TypeError):
        wrapper.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return wrapper


_MOST_LAYERS: Final = 100
"""A bound for objects that return a new ``__wrapped__`` each time, such as mocks."""


def layers_of(function: Any) -> Iterator[Any]:
    """Yield a callable and, one after the other, the callables that it wraps."""
    layers: list[Any] = []  # by identity: some callables cannot be compared or hashed
    while not any(function is layer for layer in layers) and len(layers) < _MOST_LAYERS:
        layers.append(function)
        yield function
        method = getattr(function, "__partialmethod__", getattr(function, "_partialmethod", None))
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(method, functools.partialmethod):  # by another name before Python 3.13
            function = method.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and not inspect.isclass(function):
            # On the type, where Python looks up special methods, and not on the instance.
            function = getattr(type(function), "__call__", function)  # noqa: B004
