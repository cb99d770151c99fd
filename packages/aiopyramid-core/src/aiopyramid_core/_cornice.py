"""Cornice: its validators, its views and its classes' methods may be coroutines.

Cornice wraps a view into a function that calls the validators, then the view, and then looks at
``request.errors``. A coroutine that nobody awaits has added none by then.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from ._awaiting import AwaitingObject, awaiting, original_of
from ._closures import outer_variables

__all__ = ("variables_of_cornice",)

_WRAPPER: Final = ("cornice.service", "decorate_view.<locals>.wrapper")
"""The module and the name of that function; see ``cornice.service.decorate_view``."""


def variables_of_cornice(view: Any) -> dict[str, Any] | None:
    """Return what the function that Cornice makes of a view shall call instead.

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
    names = tuple(
        name for name in dir(cls) if not name.startswith("__") and callable(getattr(cls, name))
    )

    def make(**arguments: Any) -> Any:
        return AwaitingObject(cls(**arguments), names, "an object of Cornice's")

    return make


def _awaiting_view(view: Any) -> Any:
    if hasattr(view, "make_bound_view"):
        return _AwaitingUnboundView(view, ("make_bound_view",), "a view of Cornice's")
    return _if_callable(view, "a view of Cornice's")


class _AwaitingUnboundView(AwaitingObject):
    """A method of a class, which Cornice binds to an object for each request."""

    __slots__ = ()

    def _awaiting_method(self, name: str) -> Callable[..., Any]:
        bind = super()._awaiting_method(name)

        def make_bound_view(instance: Any) -> Any:
            return awaiting(bind(original_of(instance)), "a view of Cornice's")

        return make_bound_view
