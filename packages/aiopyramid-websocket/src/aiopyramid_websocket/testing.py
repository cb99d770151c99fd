"""WebSocket views in unit tests, without a server.

::

    async def test_the_echo():
        async with connect(echo) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response as HandshakeResponse
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from aiopyramid_core import AiopyramidError, spawn_greenlet
from aiopyramid_core.callables import is_coroutine_callable
from aiopyramid_core.contract import ON_HANDLER_END, UPGRADE, UpgradedProtocol

from ._connection import Connection
from ._memory import connect_protocols
from ._watch import Watch
from .mapper import WebSocketMapper
from .settings import WebSocketSettings
from .websocket import WebSocket

__all__ = ("HandshakeRejected", "WebSocketClient", "connect")


class HandshakeRejected(AiopyramidError):
    """The application did not answer with 101.

    Attributes:
        response: Its response, a :class:`webob.response.Response`.
    """

    def __init__(self, response: Any) -> None:
        super().__init__(response)
        self.response = response

    def __str__(self) -> str:
        return f"The opening handshake was answered with {self.response.status}"


class WebSocketClient(WebSocket):
    """The client's end: ``send``, ``recv``, ``ping``, ``close`` and the rest of a WebSocket.

    Attributes:
        response: The application's 101 response.
    """

    __slots__ = ("response",)

    def __init__(self, connection: Connection, response: Any) -> None:
        super().__init__(connection)
        self.response = response


@contextlib.asynccontextmanager
async def connect(
    application_or_view: Any,
    path: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    compression: str | None = None,
    environ: Mapping[str, Any] | None = None,
) -> AsyncIterator[WebSocketClient]:
    """Open a WebSocket to an application in this process.

    Everything except the network is real: routing, predicates, permissions, tweens, the handshake,
    the frames. At the end of the block the connection is closed and the handler has ended.

    Args:
        application_or_view: A WSGI application; or a WebSocket view, which is then the only view
            of an application made for it.
        path: Path and query string.
        headers: Further header fields of the handshake.
        subprotocols: The subprotocols that the client supports.
        compression: ``"deflate"`` to offer compression.
        environ: Further entries of the environ, such as ``REMOTE_USER``.

    Yields:
        The client's end of the connection.

    Raises:
        HandshakeRejected: The application did not answer with 101.
    """
    application = _application_of(application_or_view)
    protocol = ClientProtocol(
        parse_uri("ws://localhost/"),
        state=State.OPEN,
        extensions=[ClientPerMessageDeflateFactory()] if compression else None,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        max_size=None,
    )
    handshake = protocol.connect()
    request = Request.blank(
        path,
        environ={"SERVER_PROTOCOL": "HTTP/1.1", **(environ or {})},
        headers=[*handshake.headers.raw_items(), *(headers or {}).items()],
    )
    upgraded: list[UpgradedProtocol] = []
    ended = asyncio.Event()
    request.environ |= {UPGRADE: upgraded.append, ON_HANDLER_END: ended.set}
    response = await spawn_greenlet(request.get_response, application)
    if response.status_code != 101 or not upgraded:
        for server in upgraded:
            server.connection_lost(None)
        raise HandshakeRejected(response)
    protocol.process_response(
        HandshakeResponse(101, "Switching Protocols", Headers(response.headerlist))
    )
    connection = Connection(protocol, _NO_LIMITS, Watch(), name="the test's client")
    connect_protocols(upgraded[0], connection)
    client = WebSocketClient(connection, response)
    try:
        yield client
    finally:
        await client.close()
        await ended.wait()


_NO_LIMITS = WebSocketSettings(max_size_bytes=None, ping_interval_seconds=None)


def _application_of(application_or_view: Any) -> Callable[..., Any]:
    if not inspect.isclass(application_or_view) and not is_coroutine_callable(application_or_view):
        application: Callable[..., Any] = application_or_view
        return application
    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("view", "/*path")
    options: dict[str, Any] = {"route_name": "view"}
    if not hasattr(application_or_view, "__view_mapper__"):
        options["mapper"] = WebSocketMapper
    config.add_view(application_or_view, **options)
    made: Callable[..., Any] = config.make_wsgi_app()
    return made
