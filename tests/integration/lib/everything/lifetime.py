"""Code that runs once per process, and code that outlives a response."""

import asyncio
import os
import sys

from aiopyramid_core import spawn, synchronize, use_executor
from aiopyramid_core.streaming import EventStreamResponse

from .bodies import until_there
from .common import add, after_pause, pause
from .directive import identify


def say(text):
    """Tell the test, by way of the server's output."""
    print(text, file=sys.stderr, flush=True)


async def connect(registry):
    await pause()
    registry["started"] = ["coroutine"]
    registry["startup_loop"] = identify(asyncio.get_running_loop())


def connect_ordinary(registry):
    registry["started"].append(synchronize(after_pause)("ordinary"))


async def disconnect(registry):
    await pause()
    say(f"shutdown 1 {registry['name']}")


def disconnect_ordinary(registry):
    say(synchronize(after_pause)(f"shutdown 2 {registry['name']}"))


async def disconnect_in_thread(registry):
    """As a database's driver does that blocks, or one that has to look up an address."""
    say(await use_executor(lambda: f"shutdown in thread {registry['name']}")())


async def started(request):
    return {
        "started": request.registry["started"],
        "same_loop": request.registry["startup_loop"] == identify(asyncio.get_running_loop()),
    }


async def work(file, journal, name):
    journal.append(f"begun {name}")
    await until_there(file)
    # A background task may call synchronous code that awaits.
    journal.append(synchronize(after_pause)(f"done {name}"))


def begin_work(request):
    params = request.params
    spawn(work(params["file"], request.registry["journal"], params["name"]))
    return {}


async def begin_work_in_coroutine(request):
    await pause()
    return begin_work(request)


async def spawn_last(request):
    async def last():
        await asyncio.sleep(0.3)
        say("the background task has ended")

    spawn(last())
    return {}


async def spawn_endless(request):
    """Start a background task that has no end of its own."""

    async def endless():
        try:
            await asyncio.sleep(3600)
        finally:
            print("the endless task was cancelled", flush=True)

    spawn(endless(), on_stop="cancel")
    return {}


async def endless_events(request):
    """Send an event, and wait for another that never comes."""

    async def events():
        yield "first"
        await asyncio.sleep(3600)

    return EventStreamResponse(events())


def includeme(config):
    config.registry["name"] = str(len(_names))
    _names.append(config)
    config.add_startup(connect)
    config.add_startup(connect_ordinary)
    if "SHUT_DOWN_IN_THREAD" in os.environ:
        config.add_shutdown(disconnect_in_thread)
    config.add_shutdown(disconnect_ordinary)
    config.add_shutdown(disconnect)
    add(config, "/started", started)
    add(config, "/spawn/ordinary", begin_work)
    add(config, "/spawn/coroutine", begin_work_in_coroutine)
    add(config, "/spawn-last", spawn_last)
    add(config, "/spawn-endless", spawn_endless)
    add(config, "/endless-events", endless_events)


_names = []
