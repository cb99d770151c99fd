"""Views and subscribers that were committed before the application included this package.

Such views hold the policy, the callback and the predicates that they call without the wrappers.
They hold them in variables of closures, where these are replaced.
"""

from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final

import pyramid.viewderivers
from pyramid.config.views import DefaultViewMapper
from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import IMultiView, ISecuredView, ISecurityPolicy, IView, IViewMapperFactory
from pyramid.util import object_description

from .._callables import awaits_by_itself, called_by, is_coroutine_outside, layers_of
from .awaiting import awaiting
from .closures import replace_outer_variable
from .predicates import await_predicate
from .table import held

__all__ = ("await_subscriber_predicates", "await_views")


def await_views(registry: Any) -> None:
    """Await the policy, the callbacks and the predicates that the views of a registry call.

    Args:
        registry: The application's.

    Raises:
        ConfigurationError: One of the views is a coroutine itself, and was not mapped as one.
    """
    _refuse_coroutines(registry)
    for view in _views(registry):
        predicates = getattr(view, "__predicates__", [])
        predicates[:] = [await_predicate(predicate) for predicate in predicates]
        for layer in _layers_of_pyramid(view):
            replace_outer_variable(layer, "policy", lambda each: held(ISecurityPolicy, each))
            replace_outer_variable(layer, "callback", _awaiting_callback)


def await_subscriber_predicates(registry: Any) -> None:
    """Let the predicates of subscribers be awaited.

    Args:
        registry: The application's.
    """
    for each in _introspectables(registry, "subscribers"):
        predicates = each["derived_predicates"]
        predicates[:] = [awaiting(predicate, "a predicate") for predicate in predicates]


def _awaiting_callback(callback: Any) -> Any:
    return awaiting(callback, "the callback of the CSRF options")


def _views(registry: Any) -> Iterator[Any]:
    for _, provided, _, view in list(registry.adapters.allRegistrations()):
        if provided is IMultiView:
            for views in (view.views, *view.media_views.values()):
                yield from (each for _, each, _ in views)
        elif provided in (IView, ISecuredView):
            yield view


_DERIVERS: Final = vars(pyramid.viewderivers)


def _layers_of_pyramid(view: Any) -> Iterator[FunctionType]:
    """Yield the layers of a view that Pyramid's own view derivers have made."""
    while view is not None:
        for function in (view, getattr(view, "__permitted__", None)):
            if isinstance(function, FunctionType) and function.__globals__ is _DERIVERS:
                yield function
        view = getattr(view, "__wraps__", None)


def _refuse_coroutines(registry: Any) -> None:
    """Raise an error if a view is a coroutine that Pyramid's own mapper has mapped."""
    if registry.queryUtility(IViewMapperFactory) not in (None, DefaultViewMapper):
        return
    for each in _introspectables(registry, "views"):
        view = each["callable"]
        function = called_by(view, each["attr"])
        if each["mapper"] is not None or any(map(awaits_by_itself, layers_of(function))):
            continue
        if is_coroutine_outside(function):
            raise ConfigurationError(
                f"{object_description(view)} is a coroutine, and the view was committed before"
                ' aiopyramid_core was included. Call config.include("aiopyramid_core") first, and'
                " add the view after it (also one that is given as exceptionresponse_view)."
            )


def _introspectables(registry: Any, category: str) -> Iterator[Any]:
    introspector = getattr(registry, "introspector", None)
    for each in introspector.get_category(category, ()) if introspector else ():
        yield each["introspectable"]
