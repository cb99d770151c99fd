"""Traversal without ``aiopyramid_traversal``: a coroutine instead of a resource is an error.

Pyramid's own traverser would use the coroutine as the resource.
"""

from typing import Any

from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import ITraverser
from pyramid.traversal import ResourceTreeTraverser
from pyramid.util import object_description
from zope.interface import Interface

from .._coroutines import close

__all__ = ("install",)


def install(registry: Any) -> None:
    """Register a traverser that checks its result, if the application has no traverser of its own.

    Args:
        registry: The application's registry. ``config.add_traverser`` replaces it.
    """
    if registry.adapters.registered((Interface,), ITraverser) is None:
        registry.registerAdapter(_CheckingTraverser, (Interface,), ITraverser)


class _CheckingTraverser(ResourceTreeTraverser):
    def __call__(self, request: Any) -> Any:
        # Not super(), which takes Python 3.11 as long as three calls.
        found = ResourceTreeTraverser.__call__(self, request)
        context = found["context"]
        if hasattr(type(context), "__await__"):
            close(context)
            what = getattr(context, "__qualname__", None) or object_description(context)
            raise ConfigurationError(
                f"Traversal has found a coroutine of {what} instead of a resource: Pyramid's"
                " traverser does not wait for a __getitem__. Call"
                ' config.include("aiopyramid_traversal"), of the'
                " package aiopyramid-traversal, which does."
            )
        return found
