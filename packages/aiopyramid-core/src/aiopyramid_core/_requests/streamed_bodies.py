"""Which requests of an application begin before their body is complete."""

from collections.abc import Callable
from typing import Any

from pyramid.router import Router

from ..lifespan import is_installed
from .placement import placement_of

__all__ = ("streams_body",)


def streams_body(application: Any) -> Callable[[dict[str, Any]], bool] | None:
    """Return a function that says whether a request begins before its body is complete.

    For servers, which call it with the environ of a request whose body is still arriving. If it
    returns True, ``wsgi.input`` is a :class:`~aiopyramid_core.servers.LiveBody`, opened.

    Args:
        application: The application that the server serves.

    Returns:
        None if all requests begin when their body is complete, as those of an application that is
        wrapped in middleware, which may read the body.
    """
    if isinstance(application, Router) and is_installed(application.registry):
        return placement_of(application.registry).streams_body
    return None
