"""ASGI applications below a route of a Pyramid application, on any server."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPNotImplemented
from pyramid.response import Response

from aiopyramid_core.contract import MESSAGES

from ._mounted.http import MountedRequest
from ._mounted.lifespan import MountedLifespan
from ._mounted.scope import http_scope, websocket_scope
from ._mounted.websocket import MountedWebSocket
from ._types import ASGIApplication, Scope

__all__ = ("add_asgi_app",)

_REST: Final = "asgi_path"
"""The placeholder for the part of the path that is below the application."""

_SOCKET: Final = "aiopyramid.asgi.websocket"
"""The environ key of the WebSocket between the handshake and its handler."""

_LIFESPANS: Final = "aiopyramid.asgi.lifespans"


def add_asgi_app(
    config: Any,
    prefix: str,
    application: Any,
    *,
    permission: str | None = None,
    route_name: str | None = None,
    factory: Any = None,
    websocket_options: Mapping[str, Any] | None = None,
    **view_options: Any,
) -> None:
    """Mount an ASGI application below a path: ``config.add_asgi_app("/api", api)``.

    Routing, security, sessions and tweens of Pyramid come first, for WebSockets as well if
    ``aiopyramid_websocket`` is installed. The application finds Pyramid's request in
    ``scope["aiopyramid.request"]``, and the path of the mount in ``scope["root_path"]``. Its
    lifespan begins with the startup functions and ends with the shutdown functions.

    Args:
        config: The application's :class:`pyramid.config.Configurator`.
        prefix: The path, which may have placeholders; empty or ``/`` for all paths that no route
            before it matches.
        application: The ASGI application, or a dotted name.
        permission: The permission that a request needs.
        route_name: The name of the route; by default the prefix.
        factory: The root factory of the route, whose access control list counts.
        websocket_options: Options for WebSockets, such as ``max_size`` and ``origins``; see
            ``aiopyramid_websocket.settings``.
        **view_options: Further options of ``config.add_view``, for HTTP and for WebSockets.

    Raises:
        ConfigurationError: The prefix is invalid, or there are options for WebSockets, which need
            ``aiopyramid_websocket``.
    """
    application = config.maybe_dotted(application)
    if not callable(application):
        raise ConfigurationError(
            f"add_asgi_app({prefix!r}, {application!r}): the second argument is not callable,"
            " expected an ASGI application"
        )
    prefix = prefix.rstrip("/")
    if "*" in prefix:
        raise ConfigurationError(
            f"add_asgi_app({prefix!r}, ...): the prefix must not contain '*', since the application"
            " gets the rest of the path"
        )
    name = route_name or prefix or "/"
    # A pattern cannot be empty: without a prefix, the slash is not part of the placeholder.
    before, rest = ("", "(?s:/.*)?") if prefix else ("/", "(?s:.*)")
    mount = _Mount(application, _lifespan(config, application), before)
    config.add_route(name, f"{prefix}{before}{{{_REST}:{rest}}}", factory=factory)
    options = {"route_name": name, "permission": permission, **view_options}
    config.add_view(mount.serve, **{"stream_body": True, **options})
    if find_spec("aiopyramid_websocket") is not None:
        config.include("aiopyramid_websocket")
        config.add_websocket_view(
            mount.serve_websocket,
            accept=mount.accept,
            asgi_websocket=True,
            **{"subprotocols": (), **options, **(websocket_options or {})},
        )
    elif websocket_options is not None:
        raise ConfigurationError("websocket_options need aiopyramid-websocket: install it")


class _Mount:
    """The views of one mounted application.

    Args:
        application: The application.
        lifespan: Its lifespan.
        before: The beginning of the rest of a path that the placeholder does not match.
    """

    def __init__(
        self, application: ASGIApplication, lifespan: MountedLifespan, before: str
    ) -> None:
        self._application = application
        self._lifespan = lifespan
        self._before = before

    async def serve(self, request: Any) -> Response:
        if MESSAGES in request.environ:
            raise HTTPNotImplemented("WebSockets need aiopyramid-websocket on the server")
        scope = http_scope(request, self._rest(request))
        self._add_state(scope)
        return await MountedRequest(self._application, scope, request).response()

    async def accept(self, request: Any) -> Any:
        scope = websocket_scope(request, self._rest(request))
        self._add_state(scope)
        socket = MountedWebSocket(self._application, scope, request)
        request.environ[_SOCKET] = socket
        request.add_finished_callback(_forget_socket)
        return await socket.accept()

    async def serve_websocket(self, request: Any, ws: Any) -> None:
        socket: MountedWebSocket = request.environ.pop(_SOCKET)
        await socket.serve(ws)

    def _rest(self, request: Any) -> str:
        """Return the part of the path that is below the application."""
        rest: str = self._before + request.matchdict[_REST]
        return rest

    def _add_state(self, scope: Scope) -> None:
        if self._lifespan.state is not None:
            scope["state"] = self._lifespan.state.copy()


def _forget_socket(request: Any) -> None:
    request.environ.pop(_SOCKET, None)  # against a reference cycle, if it was never opened


def _lifespan(config: Any, application: ASGIApplication) -> MountedLifespan:
    """Return the lifespan of an application, which has one even if it is mounted twice."""
    lifespans = config.registry.setdefault(_LIFESPANS, {})
    if application not in lifespans:
        lifespans[application] = lifespan = MountedLifespan(application)
        config.add_startup(lifespan.start)
        config.add_shutdown(lifespan.stop)
    found: MountedLifespan = lifespans[application]
    return found
