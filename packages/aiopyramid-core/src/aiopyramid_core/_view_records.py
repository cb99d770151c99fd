"""What is known of a view, from its configuration: where does it want to run?"""

import enum
import inspect
from dataclasses import dataclass
from typing import Any

from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description

from ._callables import called_by, is_coroutine_callable

__all__ = ("Place", "ViewRecord")


class Place(enum.Enum):
    """Where a request runs."""

    LOOP = "on the event loop"
    THREAD = "in a thread"

    @classmethod
    def named(cls, name: Any) -> "Place":
        """Return the place that an option calls ``loop`` or ``thread``.

        Raises:
            ValueError: There is no such place.
        """
        try:
            return cls[str(name).strip().upper()]
        except KeyError:
            raise ValueError(name) from None


@dataclass(frozen=True, slots=True)
class ViewRecord:
    """One view.

    Attributes:
        description: How Pyramid calls it in messages.
        route_name: Its route, or None.
        name: Its name in a resource tree.
        place: Where it wants to run.
        reason: Why, a clause.
        is_for_errors: Whether it answers requests that have gone wrong.
    """

    description: str
    route_name: str | None
    name: str
    place: Place
    reason: str
    is_for_errors: bool

    @classmethod
    def of(cls, info: Any, mapper: Any) -> "ViewRecord":
        """Make the record of a view that Pyramid derives.

        Args:
            info: Pyramid's :class:`~pyramid.interfaces.IViewDeriverInfo`.
            mapper: The view's mapper.

        Raises:
            ConfigurationError: The option ``run_on`` is neither ``loop`` nor ``thread``.
        """
        options = info.options
        context = options.get("context")
        place, reason = _place_of(info, mapper)
        return cls(
            object_description(info.original_view),
            options.get("route_name"),
            options.get("name") or "",
            place,
            reason,
            info.exception_only
            or (inspect.isclass(context) and issubclass(context, BaseException)),
        )


def _place_of(info: Any, mapper: Any) -> tuple[Place, str]:
    view, options = info.original_view, info.options
    wanted = options.get("run_on")
    if wanted is not None:
        try:
            return Place.named(wanted), f"run_on={wanted!r}"
        except ValueError:
            raise ConfigurationError(
                f"run_on={wanted!r} of {object_description(view)} must be 'loop' or 'thread'"
            ) from None
    if getattr(mapper, "runs_on_loop", False):
        return Place.LOOP, f"mapped by {mapper.__name__}"
    if not getattr(mapper, "tells_coroutines", False):
        return Place.THREAD, "its mapper is not of aiopyramid"
    if is_coroutine_callable(called_by(view, options.get("attr"))):
        return Place.LOOP, "a coroutine"
    return Place.THREAD, "synchronous"
