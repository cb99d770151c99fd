"""A text report of where the requests of an application run, and why.

For the command ``aioviews`` and for the debug log.
"""

from collections.abc import Iterator

from .placement import Decision, Placement
from .view_records import ViewRecord

__all__ = ("report",)


def report(placement: Placement) -> str:
    """Return a table of all routes and views.

    Args:
        placement: The application's placement.
    """
    return "\n".join(_lines(placement))


def _lines(placement: Placement) -> Iterator[str]:
    if placement.wanted is not None:
        yield f"All requests run {placement.wanted.value} (aiopyramid.requests). On their own,"
        yield "as with aiopyramid.requests = auto, they would run:"
        yield ""
    routes = placement.routes()
    names = placement.view_names()
    for route, decision in routes:
        yield f"route {route.name}  {route.pattern}"
        yield f"    {_verdict(decision)}"
        yield from _views(decision)
    for name, decision in names.items():
        yield f"view name {name!r}, where no route matches"
        yield f"    {_verdict(decision)}"
        yield from _views(decision)
    if names:
        yield "A request that no route matches runs on the event loop if all views that its path"
        yield "could name do: each segment may be a view's name, and the empty name always is one"
        yield "if there is a resource tree."
    if not routes and not names:
        yield "There are neither routes nor views."
    yield "Whatever else there is, such as static files and pages that are not found: in a thread"


def _verdict(decision: Decision) -> str:
    if not decision.views:
        return "in a thread: it has no view"
    if decision.place is not None:
        return decision.place.value
    return "in a thread, which its coroutine views hold while they wait: some are synchronous"


def _views(decision: Decision) -> Iterator[str]:
    for view in decision.views:
        yield f"      {_name(view)}: {view.place.value} ({view.reason})"


def _name(view: ViewRecord) -> str:
    return view.description if not view.name else f"{view.description}, name {view.name!r}"
