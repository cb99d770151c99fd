"""The same chat room on several libraries, over Redis, and a page for the start.

``/room?room=NAME``
    A WebSocket that joins a room. Its messages go to everybody in the room.
``/feed?room=NAME``
    The messages of a room as server-sent events; aiopyramid only.

Everybody who has joined is told ``JOINED`` first. Each library is imported by its own function,
since they are in two environments. Run as a program, this is the server of the ``websockets``
library.
"""

import os
from collections import defaultdict
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from _common import HELLO

NO_PINGS_SECONDS = 3600
"""The clients do not answer pings."""

REDIS = os.environ.get("GROUPS_REDIS", "redis://127.0.0.1:6379/0")


def aiopyramid() -> Any:
    from pyramid.config import Configurator
    from pyramid.response import Response

    from aiopyramid_core.streaming import EventStreamResponse
    from aiopyramid_groups import group_of

    async def room(request: Any, ws: Any) -> None:
        group = group_of(request, request.params["room"])
        async with group.join(ws):
            await ws.send("JOINED")
            async for message in ws:
                await group.send(message)

    async def feed(request: Any) -> Any:
        return EventStreamResponse(group_of(request, request.params["room"]).events(request))

    settings = {"aiopyramid.websocket.ping_interval": NO_PINGS_SECONDS}
    config = Configurator(settings=settings | {"aiopyramid.groups.url": REDIS})
    config.include("aiopyramid_groups")
    config.add_route("hello", "/")
    config.add_view(lambda request: Response(HELLO), route_name="hello")
    config.add_route("room", "/room")
    config.add_websocket_view(room, route_name="room")
    config.add_route("feed", "/feed")
    config.add_view(feed, route_name="feed")
    return config.make_wsgi_app()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the page: an ASGI application."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": HELLO})


def channels_pubsub() -> Any:
    return _channels("channels_redis.pubsub.RedisPubSubChannelLayer")


def channels_core() -> Any:
    # The capacity, so that nothing is dropped.
    return _channels("channels_redis.core.RedisChannelLayer", capacity=10_000)


def _channels(layer: str, **options: Any) -> Any:
    import django
    from django.conf import settings

    settings.configure(
        CHANNEL_LAYERS={"default": {"BACKEND": layer, "CONFIG": {"hosts": [REDIS], **options}}}
    )
    django.setup()
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.routing import ProtocolTypeRouter

    class Room(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            self.room = parse_qs(self.scope["query_string"].decode())["room"][0]
            await self.channel_layer.group_add(self.room, self.channel_name)
            await self.accept()
            await self.send("JOINED")

        async def disconnect(self, code: int) -> None:
            await self.channel_layer.group_discard(self.room, self.channel_name)

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.channel_layer.group_send(self.room, {"type": "told", "text": text_data})

        async def told(self, event: Any) -> None:
            await self.send(event["text"])

    return ProtocolTypeRouter({"http": hello, "websocket": Room.as_asgi()})


def socketio() -> Any:
    import socketio as library

    manager = library.AsyncRedisManager(REDIS)
    server = library.AsyncServer(
        async_mode="asgi", client_manager=manager, ping_interval=NO_PINGS_SECONDS
    )

    @server.event
    async def connect(sid: str, environ: Any) -> None:
        room = parse_qs(environ["QUERY_STRING"])["room"][0]
        await server.save_session(sid, room)
        await server.enter_room(sid, room)
        await server.emit("JOINED", to=sid)

    @server.event
    async def say(sid: str, text: str) -> None:
        await server.emit("told", text, room=await server.get_session(sid))

    return library.ASGIApp(server, hello)


async def bare(port: int) -> None:
    """Serve with ``websockets.broadcast`` and ``redis-py``, nothing else."""
    from redis.asyncio import Redis
    from websockets.asyncio.server import broadcast, serve

    redis = Redis.from_url(REDIS)
    rooms: dict[str, set[Any]] = defaultdict(set)
    pubsub = redis.pubsub()
    await pubsub.subscribe("any")

    async def handle(ws: Any) -> None:
        room = parse_qs(ws.request.path.partition("?")[2])["room"][0]
        rooms[room].add(ws)
        await ws.send("JOINED")
        async for message in ws:
            await redis.publish("any", f"{room} {message}")
        rooms[room].discard(ws)

    def page(connection: Any, request: Any) -> Any:
        return None if "room" in request.path else connection.respond(HTTPStatus.OK, HELLO.decode())

    options: Any = {"compression": None, "ping_interval": None, "process_request": page}
    async with serve(handle, "127.0.0.1", port, **options) as server:
        print(f"running on http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async for message in pubsub.listen():
            if message["type"] == "message":
                room, _, text = message["data"].decode().partition(" ")
                broadcast(rooms[room], text)


if __name__ == "__main__":
    import uvloop

    uvloop.run(bare(0))
