"""Code that the modules of this package share."""

import asyncio

from pyramid.response import Response


async def pause():
    """Really wait: an await of what is ready already would prove nothing."""
    assert asyncio.current_task() is not None
    await asyncio.sleep(0.001)


async def after_pause(value):
    await pause()
    return value


def text(body):
    return Response(str(body), content_type="text/plain", charset="utf-8")


def add(config, path, view, **options):
    """Add a view with a route of its own."""
    options.setdefault("renderer", "json")
    config.add_route(path, path)
    config.add_view(view, route_name=path, **options)
