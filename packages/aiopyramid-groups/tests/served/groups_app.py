"""A chat room, a feed and a form, for gunicorn."""

import os

from pyramid.config import Configurator

from aiopyramid_core import await_
from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_groups import group_of


async def chat(request, ws):
    async def on_resync():
        await ws.send("resync")

    room = group_of(request, "room")
    join = room.join(ws, who=request.params.get("who"), on_resync=on_resync)
    async with join:
        await ws.send(f"worker {os.getpid()}")
        async for message in ws:
            await room.send(message)


async def feed(request):
    return EventStreamResponse(group_of(request, "room").events(request))


async def here(request):
    return await group_of(request, "room").members()


def save(request):
    return await_(group_of(request, "room").send(request.params["text"]))


def main():
    settings = {
        "aiopyramid.groups.url": os.environ["GROUPS_URL"],
        "aiopyramid.groups.heartbeat": "0.5",
        "aiopyramid.groups.send_timeout": "5",
        "aiopyramid.websocket.ping_interval": "600",
    }
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_groups")
        for name in ("chat", "feed", "here", "save"):
            config.add_route(name, f"/{name}")
        config.add_websocket_view(chat, route_name="chat")
        config.add_view(feed, route_name="feed")
        config.add_view(here, route_name="here", renderer="json")
        config.add_view(save, route_name="save", renderer="string")
        return config.make_wsgi_app()
