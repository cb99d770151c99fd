"""An application that goes on in the background when its worker is to end."""

import asyncio
import threading
import time

from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core.streaming import EventStreamResponse

kept = []


async def stubborn_task(request):
    """Leave a task behind that cannot be cancelled."""

    async def go_on():
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    kept.append(asyncio.create_task(go_on(), name="the stubborn task"))
    return Response("begun")


async def stubborn_generator(request):
    """Leave an asynchronous generator behind that does not end when it is closed."""

    async def items():
        try:
            yield 1
        finally:
            await asyncio.sleep(3600)

    kept.append(items())
    await anext(kept[-1])
    return Response("begun")


async def thread(request):
    """Leave a thread behind that blocks."""
    began = threading.Event()

    def block():
        threading.current_thread().name = "the blocked thread"
        began.set()
        time.sleep(3600)

    asyncio.get_running_loop().run_in_executor(None, block)
    await asyncio.to_thread(began.wait)
    return Response("begun")


async def brief_thread(request):
    """Leave a thread behind that has something to bring to its end."""

    def write():
        while not request.registry.stops:
            time.sleep(0.01)
        time.sleep(2)
        print("the thread has ended", flush=True)

    request.registry.stops = False
    asyncio.get_running_loop().run_in_executor(None, write)
    return Response("begun")


async def events(request):
    """Send events without an end."""

    async def ticks():
        while True:
            yield "tick"
            await asyncio.sleep(3600)

    return EventStreamResponse(ticks())


async def wait_forever(request):
    print("came to wait_forever", flush=True)
    await asyncio.sleep(3600)


async def stopping(registry):
    print("stopping", flush=True)


async def shut_down(registry):
    registry.stops = True
    await asyncio.sleep(2)
    print("shut down", flush=True)


def main():
    config = Configurator()
    config.include("aiopyramid_core")
    config.add_stopping(stopping)
    config.add_shutdown(shut_down)
    for view in (stubborn_task, stubborn_generator, thread, brief_thread, events, wait_forever):
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    return config.make_wsgi_app()
