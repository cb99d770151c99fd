"""The views. Each may be a coroutine or a synchronous function, which runs in a thread."""

import asyncio

from pyramid.view import view_config


@view_config(route_name="say_hello", renderer="string")
async def say_hello(request):
    """Say hello after ``?sleep=`` seconds, while other requests are served."""
    await asyncio.sleep(float(request.params.get("sleep", 0.1)))
    return "Welcome to Pyramid with asyncio."
