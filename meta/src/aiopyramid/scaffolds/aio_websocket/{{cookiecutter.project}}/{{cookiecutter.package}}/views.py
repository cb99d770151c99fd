"""The views: a page, and the WebSocket that it opens."""

import asyncio

from pyramid.view import view_config

from aiopyramid.websocket.config import WebsocketMapper


@view_config(route_name="home", renderer="templates/home.jinja2")
async def home(request):
    """Show the page after ``?sleep=`` seconds, while other requests are served."""
    seconds = float(request.params.get("sleep", 0.1))
    await asyncio.sleep(seconds)
    return {"title": "{{ cookiecutter.project }}", "seconds": seconds}


@view_config(route_name="echo", mapper=WebsocketMapper)
async def echo(ws):
    """Send each message back."""
    while True:
        message = await ws.recv()
        if message is None:  # the connection is closed
            break
        await ws.send(message)
