"""Reuse of the route that was found when deciding where a request runs.

Pyramid's routes mapper is a utility of the registry. Here it reuses the route that
:class:`~.placement.Placement` found before the request existed, unless the path has changed since.
"""

from typing import Any, Final

from pyramid.interfaces import IRoutesMapper
from pyramid.urldispatch import RoutesMapper

__all__ = ("ROUTE_MATCH", "STATIC_FILE", "use_route_matches")

ROUTE_MATCH: Final = "aiopyramid.route_match"
"""The environ key for the path that was matched, the route, and the match."""

STATIC_FILE: Final = "aiopyramid.static_file"
"""An environ key of requests for a file of a static view."""


class _MatchingRoutesMapper(RoutesMapper):
    def __call__(self, request: Any) -> dict[str, Any]:
        environ = request.environ
        found = environ.pop(ROUTE_MATCH, None)
        if found is not None:
            path, route, match = found
            # The route may also have been replaced since by one with the same name.
            if path == environ.get("PATH_INFO") and self.routes.get(route.name) is route:
                return {"match": match, "route": route}
        info: dict[str, Any] = super().__call__(request)
        return info


def use_route_matches(registry: Any) -> None:
    """Make an application's routes mapper reuse the routes that were found before.

    Args:
        registry: The application's registry, once configuration is complete.
    """
    mapper = registry.queryUtility(IRoutesMapper)
    if type(mapper) is RoutesMapper:  # and not one of the application's own
        mapper.__class__ = _MatchingRoutesMapper
