"""Renderers, whose results are awaited, and the adapters of JSON renderers."""

import inspect
from typing import Any

from pyramid.renderers import JSON
from pyramid.util import object_description

from .._coroutines import close, is_coroutine
from ..streaming import AsyncBody
from .awaiting import AwaitingObject, awaited, awaiting, dressed

__all__ = ("await_renderers",)


def await_renderers(factory: Any) -> Any:
    """Return a renderer factory whose renderers are awaited.

    Args:
        factory: Called with information about the renderer, returns the renderer.
    """
    if isinstance(factory, JSON):
        factory = _AwaitingJSON(factory)
    make = awaiting(factory, "the factory of a renderer")

    def make_awaiting(info: Any) -> Any:
        render = make(info)

        def awaiting_renderer(value: Any, system: Any) -> Any:
            if type(value) is dict:
                for each in value.values():
                    if hasattr(type(each), "__await__"):  # hardly ever
                        _refuse_coroutines(value, system)
                        break
            result = awaited(render(value, system))
            if hasattr(type(result), "__aiter__") and not hasattr(result, "__iter__"):
                return AsyncBody(result)
            return result

        if not inspect.isfunction(render):
            return dressed(render, awaiting_renderer)
        # Without its signature, which nothing asks for and which takes long to find out: Pyramid
        # makes a renderer for each request, also if the view and the renderer's name are the same.
        awaiting_renderer.__wrapped__ = render  # type: ignore[attr-defined]
        return awaiting_renderer

    return dressed(factory, make_awaiting)


def _refuse_coroutines(value: dict[Any, Any], system: Any) -> None:
    """Raise an error for a forgotten await: a template would show ``<coroutine object ...>``."""
    for key, each in value.items():
        if is_coroutine(each):
            for other in value.values():
                close(other)
            raise TypeError(
                f"{object_description(system.get('view'))} returned a coroutine of"
                f" {getattr(each, '__qualname__', each)} as {key!r}: write 'await' before the call"
                " that made it."
            )


class _AwaitingJSON(AwaitingObject):
    """A JSON renderer factory whose adapters, and whose objects' ``__json__``, are awaited."""

    __slots__ = ()

    def __init__(self, factory: Any) -> None:
        super().__init__(factory, (), "")

    def __call__(self, info: Any) -> Any:
        # Pyramid's method, which calls the one below.
        return type(self._original).__call__(self, info)

    def _make_default(self, request: Any) -> Any:
        default = self._original._make_default(request)

        def awaiting_default(value: Any) -> Any:
            return awaited(default(value))

        return awaiting_default
