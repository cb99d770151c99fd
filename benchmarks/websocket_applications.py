"""The same two WebSocket services on three servers, and a page for the start.

``/echo``
    Echoes.
``/broadcast``
    Tells everybody who is connected the time, whenever somebody says anything.

Run as a program, this is the server of the ``websockets`` library.
"""

import asyncio
import contextlib
import time
from typing import Any

from _common import HELLO


def now() -> str:
    """Return the time in nanoseconds, by a clock that all processes share; 20 digits."""
    return f"{time.monotonic_ns():020}"


def aiopyramid() -> Any:
    from pyramid.config import Configurator
    from pyramid.response import Response

    async def echo(ws: Any) -> None:
        async for message in ws:
            await ws.send(message)

    connected: set[Any] = set()

    async def broadcast(ws: Any) -> None:
        connected.add(ws)
        try:
            async for _ in ws:
                message = now()
                for other in connected:
                    await other.send(message)
        finally:
            connected.discard(ws)

    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("hello", "/")
    config.add_view(lambda request: Response(HELLO), route_name="hello")
    for view in (echo, broadcast):
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_websocket_view(view, route_name=view.__name__, compression=None)
    return config.make_wsgi_app()


def aiopyramid_asgi() -> Any:
    from aiopyramid_asgi import asgi

    return asgi(aiopyramid())


def asgi() -> Any:
    connected: set[Any] = set()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{stage}.complete"})
        elif scope["type"] == "http":
            headers = [(b"content-length", b"%d" % len(HELLO))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": HELLO})
        else:
            await receive()
            await send({"type": "websocket.accept"})
            await (echo if scope["path"] == "/echo" else broadcast)(receive, send)

    async def echo(receive: Any, send: Any) -> None:
        while (event := await receive())["type"] == "websocket.receive":
            # Not `event | ...`: two entries are all that is needed.
            text = event.get("text")
            if text is not None:
                await send({"type": "websocket.send", "text": text})
            else:
                await send({"type": "websocket.send", "bytes": event["bytes"]})

    async def broadcast(receive: Any, send: Any) -> None:
        connected.add(send)
        try:
            while (await receive())["type"] == "websocket.receive":
                message = {"type": "websocket.send", "text": now()}
                for other in connected:
                    await other(message)
        finally:
            connected.discard(send)

    return application


async def websockets() -> None:
    from http import HTTPStatus

    from websockets.asyncio.server import broadcast, serve
    from websockets.exceptions import ConnectionClosed

    connected: set[Any] = set()

    def page(connection: Any, request: Any) -> Any:
        if request.path == "/":
            return connection.respond(HTTPStatus.OK, HELLO.decode())
        return None

    async def handle(websocket: Any) -> None:
        if websocket.request.path == "/echo":
            async for message in websocket:
                await websocket.send(message)
            return
        connected.add(websocket)
        try:
            async for _ in websocket:
                broadcast(connected, now())
        finally:
            connected.discard(websocket)

    async def handler(websocket: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            await handle(websocket)

    async with serve(
        handler, "127.0.0.1", 0, compression=None, process_request=page, backlog=2048
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"Listening at: http://127.0.0.1:{port}")
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    import uvloop

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(websockets())
