"""The Pyramid application whose features the tests in this folder look at from outside."""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.threadlocal import get_current_registry

from aiopyramid_core import spawn as start_background
from aiopyramid_core import synchronize
from aiopyramid_core.streaming import EventStreamResponse, ServerSentEvent
from aiopyramid_core.timeouts import RequestTimeout

colour = ContextVar("colour", default="none")


def say(*words):
    """Tell the test, by way of the server's output."""
    # In one piece: threads and processes share the pipe, and print() writes in several.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def text(body, status=200):
    return Response(str(body), status=status, content_type="text/plain", charset="utf-8")


async def file_exists(path):
    while not os.path.exists(path):
        await asyncio.sleep(0.01)


# --- Executor -------------------------------------------------------------------------------------


def thread(request):
    return text(threading.current_thread().name)


def block_until(request):
    say("blocks in", threading.current_thread().name)
    while not os.path.exists(request.params["file"]):
        time.sleep(0.01)
    say("blocked")
    return text("blocked")


def generated(request):
    def parts():
        try:
            for _ in range(3):
                yield f"{threading.current_thread().name}\n".encode()
        finally:
            say("closed in", threading.current_thread().name)

    return Response(app_iter=parts(), content_type="text/plain")


# --- Streaming ------------------------------------------------------------------------------------


async def stream(request):
    async def parts():
        yield b"one\n"
        await file_exists(request.params["file"])
        yield b"two\n"

    return Response(app_iter=parts(), content_type="text/plain")


async def rows(request):
    async def parts():
        try:
            yield b"first row\n"
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            say("rows closed")

    return Response(app_iter=parts(), content_type="text/plain")


async def events(request):
    async def parts():
        try:
            yield ServerSentEvent("one\ntwo", event="price", id="7", retry=2500)
            yield "three"
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            say("events closed")

    return EventStreamResponse(parts(), heartbeat_seconds=0.05)


async def coloured(request):
    async def parts():
        token = colour.set("red")
        yield colour.get().encode()
        await asyncio.sleep(0)
        colour.reset(token)
        yield colour.get().encode()

    return Response(app_iter=parts(), content_type="text/plain")


async def broken_stream(request):
    async def parts():
        if "late" in request.params:
            yield b"one"
            await asyncio.sleep(0)
        raise LookupError("no more rows")
        yield

    return Response(app_iter=parts(), content_type="text/plain")


# --- Waiting --------------------------------------------------------------------------------------


async def waiting(request):
    say("began")
    try:
        await file_exists(request.params["file"])
        say("completed")
    except asyncio.CancelledError:
        say("cancelled")
        raise
    finally:
        await asyncio.sleep(0)
        say("cleaned up")
    return text("waited")


async def wait(request):
    return await waiting(request)


def wait_in_thread(request):
    return synchronize(waiting)(request)


async def tasks(request):
    return text(len(asyncio.all_tasks()))


async def out_of_time(error, request):
    return text("come back later", status=503)


# --- Background tasks -----------------------------------------------------------------------------


async def spawn(request):
    async def background():
        say("task began")
        try:
            await file_exists(request.params["file"])
        finally:
            say("task ended")

    start_background(background(), name="background")
    return text("spawned")


async def spawn_exit(request):
    async def background():
        sys.exit("out of a background task")

    start_background(background())
    return text("spawned")


# --- Watching -------------------------------------------------------------------------------------


async def blocks(request):
    time.sleep(1)
    return text("blocked")


async def blocks_in_task(request):
    async def task():
        time.sleep(1)

    await asyncio.create_task(task())
    return text("blocked")


# --- The application ------------------------------------------------------------------------------


async def pid(request):
    return text(os.getpid())


async def state(request):
    registry = request.registry
    return text(
        f"{registry['loop'] is asyncio.get_running_loop()} {registry['pid'] == os.getpid()}"
    )


async def connect(registry):
    await asyncio.sleep(0)
    registry["loop"], registry["pid"] = asyncio.get_running_loop(), os.getpid()
    say("up", get_current_registry()["pid"])


def disconnect(registry):
    synchronize(asyncio.sleep, strict=False)(0)
    say("down", registry["pid"])


async def connect_to_database(registry):
    raise ConnectionError("no database")


def noting_tween_factory(handler, registry):
    def noting_tween(request):
        try:
            return handler(request)
        finally:
            if request.path.startswith("/wait"):
                say("left the tween")

    return noting_tween


def upper(application):
    """A WSGI middleware that knows nothing of async iterators."""

    def middleware(environ, start_response):
        body = application(environ, start_response)
        try:
            for part in body:
                yield part.upper()
        finally:
            if hasattr(body, "close"):
                body.close()

    return middleware


VIEWS = [thread, block_until, generated, stream, rows, events, coloured, broken_stream, wait]
VIEWS += [wait_in_thread, tasks, spawn, spawn_exit, blocks, blocks_in_task, pid, state]


def main(global_config=None, **settings):
    settings |= json.loads(os.environ["SETTINGS"])
    logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
    logging.getLogger("aiopyramid_core.requests").setLevel(logging.INFO)
    if "test.threads" in settings:
        # As the seed has always told applications to do it.
        executor = ThreadPoolExecutor(int(settings["test.threads"]), thread_name_prefix="mine")
        asyncio.get_event_loop().set_default_executor(executor)
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.add_startup(connect)
    config.add_shutdown(disconnect)
    if "test.broken" in settings:
        config.add_startup(connect_to_database)
    if "test.log" in settings:
        config.add_tween("aiopyramid_core.tweens.request_logger_tween_factory")
    config.add_tween("features_app.noting_tween_factory")
    if "test.out_of_time" in settings:
        config.add_exception_view(out_of_time, context=RequestTimeout)
    for view in VIEWS:
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    application = config.make_wsgi_app()
    return upper(application) if "test.middleware" in settings else application
