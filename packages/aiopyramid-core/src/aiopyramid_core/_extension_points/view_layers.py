"""Synchronous decorators of coroutine views, which get the result of the coroutine.

A decorator looks at the response, catches exceptions, or opens and closes something around the
view. A decorator written for synchronous views would do so before a coroutine has begun::

    def conflicts_are_409(view):
        @functools.wraps(view)
        def wrapper(request):
            try:
                return view(request)  # of a coroutine function: nothing has happened yet
            except Conflict as error:
                return HTTPConflict(str(error))
        return wrapper

Such a wrapper runs in the request's greenlet, where it can wait. A copy of it is made that calls
the view and waits. The application's own wrapper is not changed, since its callers may await the
result.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from pyramid.viewderivers import requestonly

from .._callables import awaits_by_itself, is_coroutine_callable, is_coroutine_function, layers_of
from .awaiting import awaiting
from .closures import outer_variables, with_outer_variables
from .cornice import variables_of_cornice

__all__ = (
    "await_inside",
    "await_libraries",
    "class_with_layers",
    "runs_a_loop",
    "view_of_class",
)

_RUN_A_LOOP: Final = frozenset(
    {
        "create_task",
        "ensure_future",
        "gather",
        "run",
        "run_coroutine_threadsafe",
        "run_until_complete",
        "wait_for",
    }
)
"""Functions that take a coroutine. Code that calls one of them needs the coroutine, not its
result.
"""


def await_inside(view: Any) -> Any:
    """Return a view whose synchronous layers get the results of the coroutines that they call.

    Args:
        view: A view, or anything that it wraps.

    Returns:
        A copy of the view's synchronous layers around the same functions; ``view`` itself if there
        is none, or none that can be seen to call a coroutine function.
    """
    if isinstance(view, functools.partial):
        function = await_inside(view.func)
        if function is view.func:
            return view
        return functools.partial(function, *view.args, **view.keywords)
    if inspect.ismethod(view):
        function = await_inside(view.__func__)
        return view if function is view.__func__ else MethodType(function, view.__self__)
    if not _wraps_a_coroutine(view) or _names_a_loop(view):
        return view
    return _calling(view, awaiting(await_inside(view.__wrapped__), "what a decorator calls"))


def await_libraries(view: Any) -> Any:
    """Return a view whose wrapper from a library (Cornice) gets results and not coroutines.

    Args:
        view: A view.
    """
    variables = variables_of_cornice(view)
    return view if variables is None else with_outer_variables(view, variables)


def view_of_class(cls: type, attr: str | None) -> Any:
    """Return a view that calls a method of a class with the layers of :func:`await_inside`.

    Args:
        cls: A view class.
        attr: The name of the method, or None for ``__call__``.

    Returns:
        A view of context and request, or None if the method has no layer to change.
    """
    name = attr or "__call__"
    method = getattr(cls, name, None)
    inside = await_inside(method)
    if inside is method:
        return None
    by_request_alone = requestonly(cls, attr)
    is_bound = isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod))

    def class_view(context: Any, request: Any) -> Any:
        instance = cls(request) if by_request_alone else cls(context, request)
        request.__view__ = instance
        return inside() if is_bound else inside(instance)

    class_view.__name__, class_view.__module__ = f"{cls.__name__}.{name}", cls.__module__
    class_view.__wrapped__ = inside  # type: ignore[attr-defined]  # the mapper looks there
    return class_view


def class_with_layers(cls: type, attr: str | None) -> type:
    """Return a view class whose method has the layers of :func:`await_inside`.

    For a mapper of another package, which creates the objects of the class in its own way.

    Args:
        cls: A view class.
        attr: The name of the method, or None for ``__call__``.

    Returns:
        A subclass, or ``cls`` itself if the method has no layer to change.
    """
    name = attr or "__call__"
    method = getattr(cls, name, None)
    inside = await_inside(method)
    if inside is method:
        return cls
    if isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod)):
        inside = staticmethod(inside)
    named_alike = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    namespace = {**named_alike, "__doc__": cls.__doc__, name: inside}
    subclass: type = type(cls)(cls.__name__, (cls,), namespace)
    return subclass


def _wraps_a_coroutine(view: Any) -> bool:
    """Return whether ``view`` is a synchronous function around a coroutine function."""
    return (
        hasattr(view, "__wrapped__")
        and not awaits_by_itself(view)
        and not is_coroutine_function(view)
        and is_coroutine_callable(view.__wrapped__)
    )


def runs_a_loop(view: Any) -> bool:
    """Return whether a layer of ``view`` may run the coroutine inside on a loop of its own."""
    return any(_wraps_a_coroutine(layer) and _names_a_loop(layer) for layer in layers_of(view))


def _names_a_loop(view: Any) -> bool:
    """Return whether the code of ``view`` itself names a function that runs coroutines."""
    function = view if isinstance(view, FunctionType) else type(view).__call__
    code = getattr(function, "__code__", None)
    return code is not None and not _RUN_A_LOOP.isdisjoint(code.co_names)


def _calling(layer: Any, function: Callable[..., Any]) -> Any:
    """Return a copy of a layer that calls ``function`` instead of the function that it wraps."""
    wrapped = layer.__wrapped__
    if isinstance(layer, FunctionType):
        calls = [name for name, value in outer_variables(layer).items() if value is wrapped]
        return with_outer_variables(layer, dict.fromkeys(calls, function))
    layer = copy.copy(layer)
    for name, value in vars(layer).items():
        if value is wrapped and name != "__wrapped__":
            setattr(layer, name, function)
    return layer
