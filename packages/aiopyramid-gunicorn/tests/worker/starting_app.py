"""An application that the test tells by files how to start, and how to end."""

import asyncio
import os
from pathlib import Path

from pyramid.config import Configurator
from pyramid.response import Response

FOLDER = Path(os.environ["FOLDER"])


def asked_to(name):
    return (FOLDER / name).exists()


async def connect_to_database(registry):
    print("starting", flush=True)
    if asked_to("fail"):
        raise ConnectionError("no database")
    while asked_to("hang"):
        await asyncio.sleep(0.01)


async def disconnect(registry):
    while asked_to("hang_at_end"):
        await asyncio.sleep(0.01)


def say_stopped(registry):
    print("stopped", os.getpid(), flush=True)


async def pid(request):
    return Response(str(os.getpid()))


def main():
    config = Configurator(settings={"aiopyramid.startup_timeout": os.environ.get("LIMIT", "60")})
    config.include("aiopyramid_core")
    config.add_startup(connect_to_database)
    config.add_shutdown(say_stopped)
    config.add_shutdown(disconnect)
    config.add_route("pid", "/pid")
    config.add_view(pid, route_name="pid")
    return config.make_wsgi_app()
