"""The views: a page, and the WebSocket that it opens."""

import asyncio
from pathlib import Path
from typing import Any

from aiopyramid_websocket import WebSocket, websocket_config
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config


@view_config(route_name="home", renderer="templates/home.jinja2")
async def home(request: Request) -> dict[str, Any]:
    """Show the page after ``?sleep=`` seconds, while other requests are served."""
    seconds = float(request.params.get("sleep", 0.1))
    await asyncio.sleep(seconds)
    return {"title": "{{ cookiecutter.project }}", "seconds": seconds}


@websocket_config(route_name="echo")
async def echo(ws: WebSocket) -> None:
    """Send each message back, until the connection is closed."""
    async for message in ws:
        await ws.send(message)


@view_config(route_name="favicon")
def favicon(request: Request) -> Response:
    """Show the icon of the site: a synchronous view, which runs in a thread."""
    icon = Path(__file__).with_name("favicon.svg")
    return FileResponse(icon, request, cache_max_age=3600)
