"""Where does a request run: on the event loop or in a thread?

The decision is made before the request object exists, from the environ alone and without any code
of the application. A wrong decision may cost time but does not change the result: a coroutine view
in a request that has a thread holds it while it waits, and a synchronous view in a request on the
event loop gets a thread of its own.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

from pyramid.interfaces import VH_ROOT_KEY, IRequest, IRootFactory, IRouteRequest, IRoutesMapper
from pyramid.traversal import DefaultRootFactory, decode_path_info, split_path_info
from pyramid.util import text_

from .._place import Place
from .route_index import RouteIndex
from .route_match import ROUTE_MATCH, STATIC_FILE
from .view_records import ViewRecord

__all__ = ("Decision", "Placement", "has_placement", "install", "placement_of")

_log = logging.getLogger("aiopyramid_core")

_REGISTRY_KEY: Final = "aiopyramid.placement"


class Decision:
    """Where the requests for one route, or for one view name of the resource tree, run.

    Args:
        views: The views that may answer them.

    Attributes:
        views: See above.
        place: Where all of them run, or None if they differ.
        on_loop: Whether such requests run on the event loop.
        is_static: Whether all of them request files.
        streams_body: Whether one of them begins before the body of its request is complete.
    """

    __slots__ = ("is_static", "on_loop", "place", "streams_body", "views")

    def __init__(self, views: Iterable[ViewRecord]) -> None:
        self.views = tuple(views)
        places = {view.place for view in self.views}
        # Without a view the response is an error page, whose view is not known here.
        self.place = Place.THREAD if not places else places.pop() if len(places) == 1 else None
        self.on_loop = self.place is Place.LOOP
        self.is_static = bool(self.views) and all(view.is_static for view in self.views)
        self.streams_body = any(view.streams_body for view in self.views)


class Placement:
    """Decides for the requests of one application.

    Args:
        registry: The application's registry.
        wanted: The value of the setting: where all requests run; None to decide for each.
    """

    def __init__(self, registry: Any, wanted: Place | None) -> None:
        self._registry = registry
        self.wanted = wanted
        self._views: list[ViewRecord] = []
        self._routes: list[Any] = []
        self._known_routes = -1
        # The following attributes are derived from those above.
        self._by_route: list[tuple[Any, Decision]] = []
        self._by_name: dict[str, bool] = {}
        self._by_path: dict[str, tuple[bool, Any]] = {}
        self._index = RouteIndex(())
        self._has_tree = False

    def add_view(self, view: ViewRecord) -> None:
        """Add a view that was configured."""
        self._views.append(view)
        self._known_routes = -1

    def runs_on_loop(self, environ: dict[str, Any]) -> bool:
        """Return whether a request runs on the event loop.

        Args:
            environ: Its WSGI environ. The route that was found is stored in it: see
                :data:`~aiopyramid_core._requests.route_match.ROUTE_MATCH`.
        """
        if self.wanted is not None:
            return self.wanted is Place.LOOP
        if len(self._routes) != self._known_routes:
            self._learn()
        path: str = environ.get("PATH_INFO") or "/"
        known = self._by_path.get(path)
        if known is None:
            return self._decide(path, environ)
        on_loop, route = known
        if route is not None:
            environ[ROUTE_MATCH] = path, route, {}
        return on_loop

    def _decide(self, path: str, environ: dict[str, Any]) -> bool:
        if not path.isascii():
            try:
                path = decode_path_info(path)
            except UnicodeDecodeError:
                return False  # an error page
        is_first = True
        for position in self._index.candidates(path):
            route, decision = self._by_route[position]
            match = route.match(path)
            if match is None:
                continue
            if is_first and not route.predicates:
                environ[ROUTE_MATCH] = path, route, match
                if decision.is_static:
                    environ[STATIC_FILE] = True
            if not decision.on_loop or not route.predicates:
                return decision.on_loop
            is_first = False  # its predicates may still reject the request
        return self._decide_for_traversal(path, environ)

    def _decide_for_traversal(self, path: str, environ: dict[str, Any]) -> bool:
        """Decide by view name, which is a segment of the path or empty, if no route surely matches.

        Used when no route has matched without predicates.
        """
        if not self._by_name:
            return False
        try:
            names = split_path_info(decode_path_info(environ.get(VH_ROOT_KEY, "")) + path)
        except UnicodeDecodeError:
            return False
        # Without a resource tree the view's name is the first segment.
        names = ("", *names) if self._has_tree else names[:1] or ("",)
        known = [
            self._by_name[name]
            for name in (name.removeprefix("@@") for name in names)
            if name in self._by_name
        ]
        return bool(known) and all(known)

    def streams_body(self, environ: dict[str, Any]) -> bool:
        """Return whether a request may begin before its body is complete.

        It may if a view that could answer it has the option ``stream_body``. Any other view then
        waits for the body when it reads it.

        Args:
            environ: Its WSGI environ.
        """
        if not any(view.streams_body for view in self._views):
            return False
        if len(self._routes) != self._known_routes:
            self._learn()
        try:
            path = decode_path_info(environ.get("PATH_INFO") or "/")
        except UnicodeDecodeError:
            return False
        for position in self._index.candidates(path):
            route, decision = self._by_route[position]
            if route.match(path) is None:
                continue
            if decision.streams_body or not route.predicates:
                return decision.streams_body
        segments = path.split("/")
        return any(
            view.streams_body and view.route_name is None and view.name in segments
            for view in self._views
        )

    # --- What there is to know ----------------------------------------------------------------

    def routes(self) -> list[tuple[Any, Decision]]:
        """Return all routes, in their order, and where requests for them run."""
        mapper = self._registry.queryUtility(IRoutesMapper)
        self._routes = [] if mapper is None else mapper.get_routes()
        return [(route, Decision(self._views_of(route))) for route in self._routes]

    def view_names(self) -> dict[str, Decision]:
        """Return where requests that do not match a route run, by the name of the view."""
        views: dict[str, list[ViewRecord]] = {}
        for view in self._views:
            if view.route_name is None and not view.is_for_errors:
                views.setdefault(view.name, []).append(view)
        return {name: Decision(each) for name, each in sorted(views.items())}

    def _views_of(self, route: Any) -> list[ViewRecord]:
        names: set[str | None] = {route.name}
        request_type = self._registry.queryUtility(IRouteRequest, name=route.name)
        if request_type is not None and IRequest in request_type.__bases__:
            names.add(None)  # use_global_views
        return [v for v in self._views if v.route_name in names and not v.is_for_errors]

    def _learn(self) -> None:
        routes = self.routes()
        root_factory = self._registry.queryUtility(IRootFactory, default=DefaultRootFactory)
        self._has_tree = root_factory is not DefaultRootFactory
        patterns = [text_(route.pattern, "ascii") for route, _ in routes]  # as Pyramid reads them
        self._index = RouteIndex(patterns)
        self._by_route = routes
        self._by_name = {name: decision.on_loop for name, decision in self.view_names().items()}
        # Patterns without placeholders, as most are, match exactly one path.
        paths = ["/" + pattern.lstrip("/") for pattern in patterns]
        self._by_path = {path: self._decide_for_good(path) for path in paths if path.isascii()}
        self._known_routes = len(self._routes)

    def _decide_for_good(self, path: str) -> tuple[bool, Any]:
        """Return where all requests for a path run, and the route that all of them match."""
        environ: dict[str, Any] = {}
        on_loop = self._decide(path, environ)
        _, route, match = environ.get(ROUTE_MATCH, (path, None, {}))
        return on_loop, None if match else route

    def warn(self) -> None:
        """Log where requests take more resources than necessary."""
        if self.wanted is not None:
            _log.info("All requests run %s (aiopyramid.requests)", self.wanted.value)
            return
        mixed = [f"route {route.name!r}" for route, d in self.routes() if d.place is None]
        mixed += [f"view name {name!r}" for name, d in self.view_names().items() if d.place is None]
        if mixed:
            _log.warning(
                "Requests for %s run in threads, since some of the views are synchronous: the"
                " coroutine views there hold a thread while they wait. Make all views of a route"
                " coroutines, or give the synchronous ones, if they never block,"
                " add_view(..., run_on='loop'). 'aioviews' lists them",
                ", ".join(mixed),
            )


def install(registry: Any, placement: Placement) -> None:
    """Set the placement of an application."""
    registry[_REGISTRY_KEY] = placement


def has_placement(registry: Any) -> bool:
    """Return whether an application has a placement."""
    return _REGISTRY_KEY in registry


def placement_of(registry: Any) -> Placement:
    """Return the placement of an application that includes ``aiopyramid_core``."""
    placement: Placement = registry[_REGISTRY_KEY]
    return placement
