"""The Pyramid application for ``counting_load``; every answer names the process it comes from."""

import asyncio
import os
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response


def _answer(body: bytes) -> Response:
    headers = [("X-Worker", str(os.getpid()))]
    return Response(body, content_type="text/plain", charset="utf-8", headerlist=headers)


async def hello(request: Request) -> Response:
    """Answer a GET request."""
    return _answer(b"hello")


async def echo(request: Request) -> Response:
    """Return the body, in a coroutine view."""
    return _answer(request.body)


def echo_in_thread(request: Request) -> Response:
    """Return the body, in a synchronous view."""
    return _answer(request.body)


async def slow(request: Request) -> Response:
    """Return the body, after a while."""
    await asyncio.sleep(float(request.params["seconds"]))
    return _answer(request.body)


def main() -> Any:
    """Return the application."""
    with Configurator() as config:
        config.include("aiopyramid_core")
        for view in (hello, echo, echo_in_thread, slow):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        return config.make_wsgi_app()
