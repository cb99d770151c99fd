"""Coroutines at configuration time."""

import asyncio
import itertools
import os

from pyramid.events import ApplicationCreated

from aiopyramid_core import run, synchronize

from .common import add, after_pause

_serial = itertools.count()


def identify(loop):
    """Return what tells a loop from every other, even from one at the same address later on."""
    if not hasattr(identify, "loops"):
        identify.loops = []
    if not any(known is loop for known in identify.loops):
        identify.loops.append(loop)
    number = next(i for i, known in enumerate(identify.loops) if known is loop)
    return [os.getpid(), number]


@synchronize
async def fetch_greeting(name):
    return {
        "greeting": await after_pause(f"hello {name}"),
        "loop": identify(asyncio.get_running_loop()),
    }


def add_greeting(config, path, name):
    greeting = run(fetch_greeting, name)

    async def view(request):
        here = identify(asyncio.get_running_loop())
        return greeting | {"same_loop": greeting["loop"] == here, "here": here}

    add(config, path, view)


def on_created(event):
    event.app.registry["created"] = run(synchronize(after_pause), "created")


async def created(request):
    return request.registry["created"]


def includeme(config):
    config.add_directive("add_greeting", add_greeting)
    config.add_greeting("/greeting", "world")
    config.add_subscriber(on_created, ApplicationCreated)
    add(config, "/created", created)
