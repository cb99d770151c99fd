"""WebSockets under uWSGI: the mapper with the name of aiopyramid 0.x, and TLS in the worker.

``WebSocketMapper`` of aiopyramid-websocket works under uWSGI as it does on gunicorn; this mapper is
for applications that name the server. It needs the extra ``aiopyramid-uwsgi[websocket]``.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from pyramid.exceptions import ConfigurationError
from pyramid.util import object_description

from aiopyramid_core.contract import UPGRADE, UpgradedProtocol
from aiopyramid_websocket import WebSocket, WebSocketMapper

from ._native import NativeTransport
from ._upgraded import TAKE_OVER
from .exceptions import NotNative

__all__ = ("NativeWebSocket", "UWSGIWebSocketMapper", "UWSGIWebsocketMapper")

_log = logging.getLogger("aiopyramid_uwsgi")

_OFF_WHEN_NATIVE = ("compression", "ping_interval")


class NativeWebSocket(WebSocket):
    """The WebSocket of handlers with ``configure(native=True)``: all messages are ``bytes``."""

    __slots__ = ()

    def ping(self) -> Coroutine[Any, Any, float]:
        """Raise an error, because uWSGI does not pass on pongs.

        Raises:
            NotNative: Always.
        """
        raise NotNative("ws.ping()", "uWSGI does not pass on pongs.")


class UWSGIWebSocketMapper(WebSocketMapper):
    """Make a view a WebSocket endpoint: ``@view_config(mapper=UWSGIWebSocketMapper)``.

    It works like :class:`aiopyramid_websocket.WebSocketMapper`: after uWSGI has sent the response
    to the opening handshake, this project's own code reads and writes the frames. uWSGI's native
    WebSocket functions are not used unless a view requests them.
    """

    native: ClassVar[bool] = False

    @classmethod
    def configure(cls, *, native: bool = False, **options: Any) -> type["UWSGIWebSocketMapper"]:
        """Return a mapper with its own options, instead of the application's settings.

        Args:
            native: Whether to receive with uWSGI's native functions, the only way on
                ``https-socket``. Any client can crash them; see the README for their other
                limitations.
            **options: See :class:`aiopyramid_websocket.settings.WebSocketSettings`.

        Raises:
            ConfigurationError: There is no such option, its value is invalid, or it requires
                something that the native functions cannot do.
        """
        if native:
            for name in _OFF_WHEN_NATIVE:
                if options.setdefault(name, None) is not None:
                    raise ConfigurationError(
                        f"The WebSocket option {name} must be None with native=True: uWSGI's native"
                        " functions do not support it"
                    )
        configured = super().configure(**options)
        assert issubclass(configured, UWSGIWebSocketMapper)
        configured.native = native
        return configured

    def websocket_class(self) -> type[WebSocket]:
        """Return the class of the object for handlers."""
        return NativeWebSocket if self.native else super().websocket_class()

    def __call__(self, view: Any) -> Callable[[Any, Any], Any]:
        """Map ``view`` to a function of context and request."""
        mapped = super().__call__(view)
        if not self.native:
            return mapped
        _log.warning(
            "%s receives WebSocket messages with uWSGI's native functions (native=True): a client"
            " that sends a continuation frame with nothing before it crashes the worker. Let only"
            " trusted clients connect to it",
            object_description(view),
        )

        def native_view(context: Any, request: Any) -> Any:
            environ = request.environ

            def upgrade(protocol: UpgradedProtocol) -> None:
                environ[TAKE_OVER](protocol, NativeTransport(protocol))

            if TAKE_OVER in environ:  # otherwise this is another server
                environ[UPGRADE] = None if environ[TAKE_OVER] is None else upgrade
            return mapped(context, request)

        return native_view


UWSGIWebsocketMapper = UWSGIWebSocketMapper  # the spelling of aiopyramid 0.x
