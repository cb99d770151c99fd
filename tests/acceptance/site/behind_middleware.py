"""An application behind WSGI middleware that nobody here wrote."""

import asyncio
import threading

from paste.translogger import TransLogger
from paste.urlmap import URLMap
from pyramid.config import Configurator
from pyramid.response import Response
from whitenoise import WhiteNoise

TOGETHER = 8

barrier = threading.Barrier(TOGETHER, timeout=30)


def together(request):
    """Answer when so many requests are here."""
    barrier.wait()
    return Response("together")


async def coroutine(request):
    await asyncio.sleep(0.01)
    return Response("coroutine")


def application(settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        for view in (together, coroutine):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__)
        return config.make_wsgi_app()


def whitenoise(global_config, **settings):
    return WhiteNoise(application(settings), root=settings["static"], prefix="static")


def translogger(global_config, **settings):
    return TransLogger(application(settings), setup_console_handler=False)


def urlmap(global_config, **settings):
    sites = URLMap()
    sites["/"] = application(settings)
    sites["/other"] = application(settings)
    return sites
