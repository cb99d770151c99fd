"""The view deriver that records each view and runs synchronous views off the event loop."""

from collections.abc import Callable
from typing import Any

from .._place import Place
from ..executor import call_off_loop
from .placement import placement_of
from .view_records import ViewRecord

__all__ = ("off_loop_view_deriver",)

View = Callable[[Any, Any], Any]


def off_loop_view_deriver(view: View, info: Any) -> View:
    """Run a synchronous view of a coroutine request in a thread, with decorators and renderer.

    A view deriver (Pyramid, "View Derivers"). A mapper is the innermost layer of a view. The
    renderer is outside of it, and a template may block like the view, for example when it loads
    more from a database. In the view's own thread it also finds the state that the view left there.

    The deriver also adds the view to the application's :class:`~.placement.Placement`.

    Args:
        view: The view with its decorators and its renderer.
        info: Pyramid's :class:`~pyramid.interfaces.IViewDeriverInfo`.

    Returns:
        ``view`` itself, or a view that runs it in a thread.

    Raises:
        ConfigurationError: The option ``run_on`` is neither ``loop`` nor ``thread``.
    """
    record = ViewRecord.of(info)
    placement_of(info.registry).add_view(record)
    if record.place is Place.LOOP:
        return view

    def off_loop_view(context: Any, request: Any) -> Any:
        return call_off_loop(view, context, request)

    return off_loop_view


off_loop_view_deriver.options = ("run_on", "stream_body")  # type: ignore[attr-defined]  # Pyramid's protocol
