"""Bodies that come in parts, of responses and of requests."""

import asyncio
import hashlib
import os
import time

from pyramid.response import Response

from aiopyramid_core import synchronize
from aiopyramid_core.streaming import EventStreamResponse, ServerSentEvent
from aiopyramid_core.uploads import body_parts

from .common import add, after_pause
from .contexts import down

PATIENCE_SECONDS = 10


async def until_there(path):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not os.path.exists(path):
            await asyncio.sleep(0.005)


async def parts_of(request):
    """Give one part, and the next only when the test has made a file."""
    try:
        yield b"first "
        await until_there(request.params["file"])
        yield b"second"
    finally:
        request.registry["journal"].append(f"closed {request.params['file']}")


def ordinary_parts_of(request):
    try:
        yield b"first "
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not os.path.exists(request.params["file"]):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield b"second"
    finally:
        request.registry["journal"].append(f"closed {request.params['file']}")


def awaiting_parts_of(request):
    """A synchronous generator that calls coroutines."""
    for number in range(3):
        yield synchronize(after_pause)(b"%d " % number)


async def coloured_parts():
    yield down.get().encode()
    yield (await after_pause(b" and ")) + down.get().encode()


async def events_of(request):
    yield "first"
    await until_there(request.params["file"])
    yield ServerSentEvent("second", event="end", id="2")


def body(parts):
    """Return a coroutine view and a synchronous one with such a body."""

    def view(request):
        return Response(app_iter=parts(request), content_type="text/plain", charset="utf-8")

    async def view_in_coroutine(request):
        return await after_pause(view(request))

    return {"ordinary": view, "coroutine": view_in_coroutine}


async def events(request):
    return EventStreamResponse(events_of(request))


async def silent(request):
    async def nothing():
        await until_there(request.params["file"])
        yield "at last"

    return EventStreamResponse(nothing(), heartbeat_seconds=0.02)


async def forever(request):
    async def ticks():
        try:
            while True:
                yield "tick" * 1000
                await asyncio.sleep(0.005)
        finally:
            request.registry["journal"].append(f"closed {request.params['name']}")

    return EventStreamResponse(ticks())


def coloured(request):
    down.set(request.params["name"])
    return Response(app_iter=coloured_parts(), content_type="text/plain", charset="utf-8")


async def uploaded(request):
    sizes, digest = [], hashlib.sha256()
    async for part in body_parts(request, 100_000):
        sizes.append(len(part))
        digest.update(part)
    return {"most": max(sizes, default=0), "sum": sum(sizes), "sha256": digest.hexdigest()}


def includeme(config):
    kinds = {"async": parts_of, "generator": ordinary_parts_of, "awaiting": awaiting_parts_of}
    for kind, parts in kinds.items():
        for name, view in body(parts).items():
            add(config, f"/body/{kind}/{name}", view, renderer=None)
    add(config, "/events", events, renderer=None)
    add(config, "/silent", silent, renderer=None)
    add(config, "/forever", forever, renderer=None)
    add(config, "/coloured", coloured, renderer=None)
    add(config, "/uploaded", uploaded)
    add(config, "/streamed", uploaded, stream_body=True)
