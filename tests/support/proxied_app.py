"""The Pyramid application that ``test_nginx`` looks at through a proxy."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_websocket import WebSocketMapper

_more = asyncio.Event()


async def seen(request: Request) -> dict[str, Any]:
    """Tell what the application sees of a request."""
    return {
        "url": request.url,
        "client": request.client_addr,
        "path": request.environ["RAW_URI"],
        "connection": request.environ.get("REMOTE_PORT"),
    }


async def _two_parts() -> AsyncIterator[str]:
    yield "one"
    await _more.wait()
    yield "two"


async def events(request: Request) -> Response:
    """Send two events, the second one when ``more`` was asked for."""
    _more.clear()
    return EventStreamResponse(_two_parts())


async def parts(request: Request) -> Response:
    """Send the same as a synchronous body; with the header that the query names, if any."""
    _more.clear()
    body = (part.encode() async for part in _two_parts())
    headers = [("Content-Type", "text/plain"), *request.params.items()]
    return Response(app_iter=body, headerlist=headers)


async def more(request: Request) -> Response:
    """Let the second part be sent."""
    _more.set()
    return Response()


async def silent(request: Request) -> Response:
    """Never answer."""
    return await asyncio.get_running_loop().create_future()


async def echo(ws: Any) -> None:
    """Send back each message."""
    async for message in ws:
        await ws.send(message)


def main(**settings: str) -> Any:
    """Return the application.

    Args:
        **settings: Of ``aiopyramid_websocket``, without their prefix.
    """
    prefixed = {f"aiopyramid.websocket.{name}": value for name, value in settings.items()}
    with Configurator(settings=prefixed) as config:
        config.include("aiopyramid_websocket")
        for view in (events, parts, more, silent):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        config.add_route("echo", "/echo")
        config.add_view(echo, route_name="echo", mapper=WebSocketMapper)
        config.add_route("seen", "/seen*rest")
        config.add_view(seen, route_name="seen", renderer="json")
        return config.make_wsgi_app()
