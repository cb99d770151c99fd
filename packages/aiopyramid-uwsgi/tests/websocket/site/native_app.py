"""WebSocket views that receive by uWSGI's native functions, beside one that does not."""

import logging

from pyramid.config import Configurator

from aiopyramid_uwsgi.exceptions import NotNative
from aiopyramid_uwsgi.websocket import UWSGIWebSocketMapper

logging.basicConfig(level=logging.INFO)
Native = UWSGIWebSocketMapper.configure(native=True, subprotocols=["chat"])


async def echo(ws):
    async for message in ws:
        await ws.send(message)
    logging.info("the handler saw %s", ws.close_code)


async def text(ws):
    async for message in ws:
        await ws.send(message.decode())


async def fragments(ws):
    await ws.recv()
    await ws.send(["in ", "two"])
    await ws.close(4000, "enough")


async def ping(ws):
    try:
        await ws.ping()
    except NotNative as error:
        await ws.send(str(error))


async def much(ws):
    await ws.recv()
    for _ in range(100):
        await ws.send(b"x" * 100_000)


def main(global_config=None, **settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_websocket")
    for view in (echo, text, fragments, ping, much):
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__, mapper=Native)
    config.add_route("framed", "/framed")
    config.add_view(echo, route_name="framed", mapper=UWSGIWebSocketMapper)
    return config.make_wsgi_app()
