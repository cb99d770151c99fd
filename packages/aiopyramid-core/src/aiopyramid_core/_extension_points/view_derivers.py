"""View derivers whose views are awaited, so that each layer gets a response from the next one.

Pyramid builds a view in layers, by its view derivers. The application adds layers of its own:
derivers, decorators, a view mapper. The result of each layer is awaited before the next one gets
it.
"""

import copy
import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description

from .._bodies import make_body_portable
from .._bridge.refusal import on_a_loop
from .._callables import called_by, layers_of
from .._off_loop import in_thread_of_request
from .._requests.view_deriver import off_loop_view_deriver
from .._requests.view_records import is_of_aiopyramid, mapper_of
from ..mappers import ExecutorMapper
from .awaiting import AwaitingCollection, awaited, awaiting
from .closures import outer_variables
from .view_layers import (
    await_inside,
    await_libraries,
    class_with_layers,
    runs_a_loop,
    view_of_class,
)

__all__ = ("AwaitingDerivers",)

Deriver = Callable[[Any, Any], Any]


class AwaitingDerivers(AwaitingCollection):
    """View derivers each of which makes a view that is awaited.

    Args:
        derivers: Pyramid's sorted collection of the application's view derivers.
    """

    __slots__ = ()

    def sorted(self) -> list[tuple[str, Deriver]]:
        """Return names and derivers, the outermost first."""
        return [(name, _awaiting_deriver(name, each)) for name, each in self._original.sorted()]


def _awaiting_deriver(name: str, deriver: Any) -> Deriver:
    if getattr(deriver, "__module__", "") == "pyramid.viewderivers":
        wrap = _OF_PYRAMID.get(name)
        return deriver if wrap is None else _with_options_of(deriver, wrap(deriver))
    if deriver is off_loop_view_deriver:  # its view gets a response, and calls it in the thread
        return deriver
    point = f"the view deriver {name}"
    derive = awaiting(deriver, point)

    def awaiting_deriver(view: Any, info: Any) -> Any:
        inside = in_thread_of_request(view)
        derived = derive(inside, info)
        return view if derived is inside else awaiting(derived, f"a view made by {point}")

    return _with_options_of(deriver, awaiting_deriver)


def _with_options_of(deriver: Any, wrapper: Deriver) -> Deriver:
    wrapper.options = getattr(deriver, "options", ())  # type: ignore[attr-defined]
    return wrapper


# --- Pyramid's derivers that call what the application has written --------------------------------


def _rendered(rendered_view: Deriver) -> Deriver:
    """Give the layers around the view a body that synchronous code can iterate."""

    def portable_view_deriver(view: Any, info: Any) -> Any:
        rendered = rendered_view(view, info)

        def portable_view(context: Any, request: Any) -> Any:
            response = rendered(context, request)
            make_body_portable(response)
            return response

        return portable_view

    return portable_view_deriver


def _mapped(mapped_view: Deriver) -> Deriver:
    """Await the decorators around the view, and the result of a mapper of another package."""

    def awaiting_view_deriver(view: Any, info: Any) -> Any:
        function = called_by(view, info.options.get("attr"))
        _refuse_async_generator(function)
        mapper = mapper_of(info)
        if mapper is ExecutorMapper:
            # Decorators are called as they are, in a thread.
            return mapped_view(await_libraries(view), info)
        mapped = mapped_view(*_awaiting_layers(view, info))
        if runs_a_loop(function):
            mapped = _explaining_loops(mapped, function)
        if is_of_aiopyramid(mapper):
            return mapped

        @functools.wraps(mapped)
        def awaiting_view(context: Any, request: Any) -> Any:
            return awaited(mapped(context, request))

        return awaiting_view

    return awaiting_view_deriver


def _awaiting_layers(view: Any, info: Any) -> tuple[Any, Any]:
    """Return a view and its info for a mapper, with functions instead of methods."""
    attr = info.options.get("attr")
    if inspect.isclass(view):
        if not is_of_aiopyramid(mapper_of(info)):
            return class_with_layers(view, attr), info
        made = view_of_class(view, attr)
    elif attr is not None:
        method = getattr(view, attr, None)
        made = await_inside(method)
        made = None if made is method else made
    else:
        return await_inside(await_libraries(view)), info
    if made is None:
        return view, info
    info = copy.copy(info)
    info.options = {**info.options, "attr": None}
    return made, info


def _refuse_async_generator(view: Any) -> None:
    if any(inspect.isasyncgenfunction(layer) for layer in layers_of(view)):
        raise ConfigurationError(
            f"{object_description(view)} cannot be a view: it is an async generator function, which"
            " has no result. If it yields the parts of a body, let a view return"
            " Response(app_iter=...) with it; if it should return a response, write 'return' in it"
            " instead of 'yield'."
        )


def _explaining_loops(mapped: Any, function: Any) -> Any:
    """Add a note about what to do to the error of a loop inside another loop."""

    @functools.wraps(mapped)
    def explaining_view(context: Any, request: Any) -> Any:
        try:
            return mapped(context, request)
        except RuntimeError as error:
            if on_a_loop():
                error.add_note(
                    f"{object_description(function)} has a decorator that runs an event loop of its"
                    " own, which needs a thread: register the view with"
                    " mapper=aiopyramid_core.ExecutorMapper."
                )
            raise

    return explaining_view


def _decorated(decorated_view: Deriver) -> Deriver:
    """Await the view that each of a view's decorators has made."""

    def awaiting_decorators(view: Any, info: Any) -> Any:
        decorator = info.options.get("decorator")
        for each in () if decorator is None else reversed(_combined(decorator)):
            inside = in_thread_of_request(view)
            made = awaiting(each, "a decorator of a view")(inside)
            if made is not inside:
                view = awaiting(made, "a view made by a decorator")
        return view

    return awaiting_decorators


def _combined(decorator: Any) -> tuple[Any, ...]:
    """Return the decorators that Pyramid has combined; see config.views.combine_decorators."""
    if getattr(decorator, "__qualname__", "") == "combine_decorators.<locals>.decorated":
        return tuple(outer_variables(decorator)["decorators"])
    return (decorator,)


_OF_PYRAMID: Final[dict[str, Callable[[Deriver], Deriver]]] = {
    "rendered_view": _rendered,
    "decorated_view": _decorated,
    "mapped_view": _mapped,
}
