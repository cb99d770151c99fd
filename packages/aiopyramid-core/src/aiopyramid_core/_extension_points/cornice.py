"""Cornice: its validators, its views and its classes' methods may be coroutines.

Cornice wraps a view into a function that calls the validators, then the view, and then looks at
``request.errors``. A coroutine that was not awaited has added none by then.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from .awaiting import awaited, awaiting
from .closures import outer_variables

__all__ = ("variables_of_cornice",)

_WRAPPER: Final = ("cornice.service", "decorate_view.<locals>.wrapper")
"""The module and the name of that function; see ``cornice.service.decorate_view``."""


def variables_of_cornice(view: Any) -> dict[str, Any] | None:
    """Return the variables that a function made by Cornice should use, so that it gets results.

    Args:
        view: A view.

    Returns:
        New values of the function's variables, by name; None if it is not Cornice's.
    """
    if not inspect.isfunction(view):
        return None
    if (view.__globals__.get("__name__"), view.__code__.co_qualname) != _WRAPPER:
        return None
    found = outer_variables(view)
    arguments = dict(found["args"])
    for name in ("validators", "filters"):
        if name in arguments:
            arguments[name] = [
                _if_callable(each, f"one of Cornice's {name}") for each in arguments[name]
            ]
    if "klass" in arguments:
        arguments["klass"] = _awaiting_class(arguments["klass"])
    return {"args": arguments, "view": _awaiting_view(found["view"])}


def _if_callable(function: Any, point: str) -> Any:
    """Await a callable; leave the name of a method, which Cornice looks up in its class."""
    return awaiting(function, point) if callable(function) else function


def _awaiting_class(cls: Any) -> Callable[..., Any]:
    return lambda **arguments: _AwaitingInstance(cls(**arguments))


class _AwaitingInstance:
    """A proxy of an application's object whose methods are awaited for Cornice.

    It is created for each request, so it must be cheap.

    Args:
        original: The application's object.
    """

    __slots__ = ("original",)

    def __init__(self, original: Any) -> None:
        self.original = original

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.original, name)
        return _awaiting_call(value) if callable(value) else value

    def __bool__(self) -> bool:
        return bool(self.original)


def _awaiting_call(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: awaited(function(*args, **kwargs))


def _awaiting_view(view: Any) -> Any:
    if hasattr(view, "make_bound_view"):
        return _AwaitingUnboundView(view)
    return _if_callable(view, "a view of Cornice's")


class _AwaitingUnboundView:
    """A method of a class, which Cornice binds to an object for each request.

    Args:
        view: Cornice's own, which knows the method.
    """

    def __init__(self, view: Any) -> None:
        self._view = view

    @property  # type: ignore[misc]  # never set
    def __class__(self) -> Any:
        return type(self._view)  # which Cornice asks for

    def make_bound_view(self, instance: _AwaitingInstance) -> Callable[..., Any]:
        """Return the callable for Cornice; the method itself gets the application's object."""
        return _awaiting_call(self._view.make_bound_view(instance.original))
