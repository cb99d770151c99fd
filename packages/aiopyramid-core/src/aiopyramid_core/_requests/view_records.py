"""Records of views, made from their configuration, which say where each view runs."""

import inspect
from dataclasses import dataclass
from typing import Any

from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import IViewMapperFactory
from pyramid.static import static_view
from pyramid.util import object_description

from .._callables import called_by, is_coroutine_callable
from .._place import Place

__all__ = ("ViewRecord", "is_of_aiopyramid", "mapper_of")


@dataclass(frozen=True, slots=True)
class ViewRecord:
    """The record of one view.

    Attributes:
        description: Its description in Pyramid's messages.
        route_name: Its route, or None.
        name: Its name in a resource tree.
        place: Where it runs.
        reason: The reason for ``place``, a clause.
        is_for_errors: Whether it is an exception view.
        is_static: Whether it sends files.
        streams_body: Whether it begins before the body of its request is complete.
    """

    description: str
    route_name: str | None
    name: str
    place: Place
    reason: str
    is_for_errors: bool
    is_static: bool
    streams_body: bool

    @classmethod
    def of(cls, info: Any) -> "ViewRecord":
        """Create the record of a view that Pyramid derives.

        Args:
            info: Pyramid's :class:`~pyramid.interfaces.IViewDeriverInfo`.

        Raises:
            ConfigurationError: The option ``run_on`` is neither ``loop`` nor ``thread``.
        """
        options = info.options
        context = options.get("context")
        place, reason = _place_of(info)
        return cls(
            object_description(info.original_view),
            options.get("route_name"),
            options.get("name") or "",
            place,
            reason,
            info.exception_only
            or (inspect.isclass(context) and issubclass(context, BaseException)),
            isinstance(info.original_view, static_view),
            bool(options.get("stream_body")),
        )


def mapper_of(info: Any) -> Any:
    """Return the mapper that Pyramid uses for a view; see pyramid.viewderivers.mapped_view."""
    mapper = info.options.get("mapper")
    if mapper is None:
        mapper = getattr(info.original_view, "__view_mapper__", None)
    if mapper is None:
        mapper = info.registry.queryUtility(IViewMapperFactory)
    return mapper


def is_of_aiopyramid(mapper: Any) -> bool:
    """Return whether a mapper declares where its views run.

    Its attribute ``runs_on_loop`` is None if it depends on the kind of view.
    """
    return hasattr(mapper, "runs_on_loop")


def _place_of(info: Any) -> tuple[Place, str]:
    view, options = info.original_view, info.options
    wanted = options.get("run_on")
    if wanted is not None:
        try:
            return Place.named(wanted), f"run_on={wanted!r}"
        except ValueError:
            raise ConfigurationError(
                f"run_on={wanted!r} of {object_description(view)} must be 'loop' or 'thread'"
            ) from None
    mapper = mapper_of(info)
    if not is_of_aiopyramid(mapper):
        return Place.THREAD, "its mapper is not of aiopyramid"
    if mapper.runs_on_loop is not None:
        place = Place.LOOP if mapper.runs_on_loop else Place.THREAD
        return place, f"mapped by {mapper.__name__}"
    if is_coroutine_callable(called_by(view, options.get("attr"))):
        return Place.LOOP, "a coroutine"
    return Place.THREAD, "synchronous"
