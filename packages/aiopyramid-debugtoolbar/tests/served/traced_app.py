"""An application whose views do all that the panels show."""

import asyncio
import time
from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy import create_engine, text

from aiopyramid_core import await_, call_in_thread, use_executor
from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_websocket import WebSocketMapper

PAGE = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

engine = create_engine("sqlite://", connect_args={"check_same_thread": False})


async def fetch(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@use_executor
def read_file() -> str:
    time.sleep(0.02)
    return "read"


def query() -> Any:
    with engine.connect() as connection:
        return connection.execute(text("select 1 -- <b>not markup</b>")).scalar()


async def coroutine(request: Any) -> Response:
    await fetch(0.03)
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(fetch(0.01 * (number + 1)), name=f"fetch {number}")
    await read_file()
    await call_in_thread(None, query)
    return Response(PAGE.format("coroutine"))


def synchronous(request: Any) -> Response:
    await_(fetch(0.03))
    query()
    return Response(PAGE.format("synchronous"))


async def blocking(request: Any) -> Response:
    await asyncio.sleep(0)
    time.sleep(0.3)
    return Response(PAGE.format("blocking"))


async def events(request: Any) -> Response:
    async def numbers() -> Any:
        for number in range(1000):
            yield str(number)
            await asyncio.sleep(0.2)

    return EventStreamResponse(numbers())


async def echo(ws: Any) -> None:
    async for message in ws:
        await ws.send(message)


def main(global_config: Any = None, **settings: Any) -> Any:
    """Make the application."""
    defaults = {
        "pyramid.includes": "pyramid_debugtoolbar",
        "debugtoolbar.includes": "aiopyramid_debugtoolbar",
    }
    with Configurator(settings=defaults | settings) as config:
        config.include("aiopyramid_core")
        config.include("aiopyramid_websocket")
        for view in (coroutine, synchronous, blocking, events):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        config.add_route("echo", "/echo")
        config.add_view(echo, route_name="echo", mapper=WebSocketMapper)
        return config.make_wsgi_app()
