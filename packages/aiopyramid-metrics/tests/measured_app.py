"""An application with something of everything that is measured, for gunicorn."""

import asyncio
import os
import time

from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import spawn
from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_groups import group_of


async def coroutine(request):
    await asyncio.sleep(0)
    return Response(str(os.getpid()))


def synchronous(request):
    time.sleep(0.01)
    return Response("done")


async def blocking(request):
    time.sleep(0.4)
    return Response("done")


async def failing(request):
    raise ValueError("failed on purpose")


async def background(request):
    spawn(asyncio.sleep(3600), on_stop="cancel")
    return Response("begun")


async def feed(request):
    return EventStreamResponse(group_of(request, "news").events(request))


async def chat(request, ws):
    room = group_of(request, "news")
    async with room.join(ws):
        async for message in ws:
            await room.send(message)


def main():
    with Configurator(settings={"aiopyramid.metrics.interval": "0.2"}) as config:
        config.include("aiopyramid_metrics")
        config.include("aiopyramid_groups")
        for view in (coroutine, synchronous, blocking, failing, background, feed):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        config.add_route("chat", "/chat")
        config.add_websocket_view(chat, route_name="chat")
        return config.make_wsgi_app()
