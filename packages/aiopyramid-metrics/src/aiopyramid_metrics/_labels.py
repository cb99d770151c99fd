"""The values of labels: always one of a bounded number, whatever clients send."""

from typing import Any, Final

__all__ = ("close_code_label", "culprit_label", "method_label", "route_label", "status_label")

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_VIEW_NAMES_KEY: Final = "aiopyramid.metrics.view_names"


def method_label(method: str) -> str:
    """Return the method of a request, or ``other``."""
    return method if method in _METHODS else "other"


def route_label(request: Any) -> str:
    """Return the name of a request's route; with traversal, the context's class and the view.

    It is empty if there is neither a route nor a view of this name.
    """
    route = getattr(request, "matched_route", None)
    if route is not None:
        return str(route.name)
    context, name = getattr(request, "context", None), getattr(request, "view_name", None)
    if context is None or name not in _view_names(request.registry):
        return ""
    return f"{type(context).__name__}/{name}"


def _view_names(registry: Any) -> frozenset[str]:
    names: frozenset[str] | None = registry.get(_VIEW_NAMES_KEY)
    if names is None:
        views = registry.introspector.get_category("views", ()) or ()
        names = frozenset(str(view["introspectable"]["name"]) for view in views)
        registry[_VIEW_NAMES_KEY] = names
    return names


def status_label(response: Any | None, error: BaseException | None) -> str:
    """Return the status of a response.

    Without a response it is 500, or 499 if the request was cancelled, as nginx has it.
    """
    if response is not None:
        return str(response.status_int)
    return "500" if error is None or isinstance(error, Exception) else "499"


def close_code_label(code: int | None) -> str:
    """Return the close code of a WebSocket; those that an application may choose are classes."""
    if code is None:
        return ""
    if code < 3000:
        return str(code) if 1000 <= code < 1016 else "other"
    return f"{code // 1000}xxx" if code < 5000 else "other"


def culprit_label(culprit: str) -> str:
    """Return the name of the function that has blocked the loop, without line and request."""
    return culprit.partition(" (")[0]
