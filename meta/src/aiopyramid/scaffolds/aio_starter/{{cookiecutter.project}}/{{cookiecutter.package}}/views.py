"""The views. Each may be a coroutine or a synchronous function."""

import asyncio
from pathlib import Path

from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config


@view_config(route_name="say_hello", renderer="string")
async def say_hello(request: Request) -> str:
    """Say hello after ``?sleep=`` seconds, while other requests are served."""
    await asyncio.sleep(float(request.params.get("sleep", 0.1)))
    return "Welcome to Pyramid with asyncio."


@view_config(route_name="favicon")
def favicon(request: Request) -> Response:
    """Show the icon of the site: a synchronous view, which runs in a thread."""
    icon = Path(__file__).with_name("favicon.svg")
    return FileResponse(icon, request, cache_max_age=3600)
