"""The route that was found to decide where a request runs is not looked for again.

Pyramid's routes mapper is a utility of the registry. Here it takes over what
:class:`~.placement.Placement` has found before there was a request, if nobody has changed the path
since.
"""

from typing import Any, Final

from pyramid.interfaces import IRoutesMapper
from pyramid.urldispatch import RoutesMapper

__all__ = ("ROUTE_MATCH", "STATIC_FILE", "use_route_matches")

ROUTE_MATCH: Final = "aiopyramid.route_match"
"""Where the environ says which path was matched, by which route, and what that has matched."""

STATIC_FILE: Final = "aiopyramid.static_file"
"""In the environ of a request for a file of a static view."""


class _MatchingRoutesMapper(RoutesMapper):
    def __call__(self, request: Any) -> dict[str, Any]:
        environ = request.environ
        found = environ.pop(ROUTE_MATCH, None)
        if found is not None:
            path, route, match = found
            # The route may have been replaced since, too, by one with the same name.
            if path == environ.get("PATH_INFO") and self.routes.get(route.name) is route:
                return {"match": match, "route": route}
        info: dict[str, Any] = super().__call__(request)
        return info


def use_route_matches(registry: Any) -> None:
    """Have an application's routes mapper use what was found before.

    Args:
        registry: The application's registry, all of whose configuration is done.
    """
    mapper = registry.queryUtility(IRoutesMapper)
    if type(mapper) is RoutesMapper:  # and not one of the application's own
        mapper.__class__ = _MatchingRoutesMapper
