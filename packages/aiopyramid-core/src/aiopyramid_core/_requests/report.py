"""A text report of where the requests of an application run, and why.

For the command ``aioviews``, for the debug log and for observers.
"""

from collections.abc import Iterator
from typing import Any

from .._bridge.driver import in_bridge
from .._observing import current_thread_call
from .placement import Decision, Placement, has_placement, placement_of
from .view_records import ViewRecord

__all__ = ("explain_placement", "report")


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


def explain_placement(request: Any) -> str:
    """Return why a request runs where it does, for humans.

    Call it in the request, after Pyramid has found its route and its view.

    Args:
        request: Pyramid's request.

    Returns:
        A clause such as ``"route 'home': all views are coroutines"``; empty if the application does
        not include ``aiopyramid_core``.
    """
    registry = request.registry
    if not has_placement(registry):
        return ""
    if not in_bridge() and current_thread_call.get() is None:
        return "the server calls the application in a thread"
    placement = placement_of(registry)
    if placement.wanted is not None:
        return f"aiopyramid.requests = {placement.wanted.name.lower()}"
    route = getattr(request, "matched_route", None)
    if route is not None:
        name = f"route {route.name!r}"
        decision = next((d for each, d in placement.routes() if each.name == route.name), None)
    else:
        view_name = getattr(request, "view_name", "")
        name = f"view name {view_name!r}"
        decision = placement.view_names().get(view_name)
    if decision is None or not decision.views:
        return "neither a route nor a view for it"
    return f"{name}: {_reason(decision)}"


def _reason(decision: Decision) -> str:
    if decision.place is None:
        return "some of its views are synchronous"
    reasons = list(dict.fromkeys(view.reason for view in decision.views))
    views = "the view is" if len(decision.views) == 1 else "all views are"
    plain = {"a coroutine": "coroutines", "synchronous": "synchronous"}
    if len(reasons) == 1 and reasons[0] in plain:
        return f"{views} {reasons[0] if len(decision.views) == 1 else plain[reasons[0]]}"
    return "; ".join(reasons)


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
