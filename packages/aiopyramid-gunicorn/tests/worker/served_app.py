"""The Pyramid application that the tests serve with real gunicorn processes."""

import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.threadlocal import get_current_request


class Expected(Exception):
    """Has an exception view."""


def text(body):
    return Response(str(body), content_type="text/plain", charset="utf-8")


def announce(request):
    """Tell the test, by way of the server's output, that a request has come so far."""
    print(f"came to {request.path_qs}", file=sys.stderr, flush=True)


# --- Coroutine views ------------------------------------------------------------------------------


async def hello(request):
    return text("hello")


async def sleep(request):
    await asyncio.sleep(float(request.params["seconds"]))
    return text("slept")


async def wait(request):
    """Wait until the test has made a file."""
    announce(request)
    while not os.path.exists(request.params["file"]):
        await asyncio.sleep(0.01)
    return text("waited")


async def freeze(request):
    """Do what a coroutine must not do."""
    announce(request)
    time.sleep(60)


async def who(request):
    name = request.params["name"]
    before = get_current_request()
    await asyncio.sleep(0.01)
    after = get_current_request()
    return text(name if before is after is request else "somebody else")


async def fail(request):
    await asyncio.sleep(0)
    raise Expected("by the coroutine")


async def crash(request):
    await asyncio.sleep(0)
    raise LookupError("a bug")  # the line that the log must name


async def loop(request):
    return text(type(asyncio.get_running_loop()).__module__.partition(".")[0])


async def pid(request):
    return text(os.getpid())


# --- Synchronous views ----------------------------------------------------------------------------


def block(request):
    time.sleep(float(request.params["seconds"]))
    return text("blocked")


def block_until(request):
    announce(request)
    while not os.path.exists(request.params["file"]):
        time.sleep(0.01)
    return text("waited")


def who_in_thread(request):
    name = request.params["name"]
    before = get_current_request()
    time.sleep(0.01)
    after = get_current_request()
    return text(name if before is after is request else "somebody else")


def thread(request):
    return text(threading.current_thread().name)


async def called_thread(request):
    thread = await asyncio.to_thread(threading.current_thread)
    return text(thread.name)


def upload(request):
    return text(len(request.body))


def expected(error, request):
    response = text(f"expected: {error}")
    response.status = 418
    return response


# --- The application ------------------------------------------------------------------------------


def tween_factory(handler, registry):
    def tween(request):
        assert get_current_request() is request
        response = handler(request)
        assert get_current_request() is request
        return response

    return tween


VIEWS = [hello, sleep, wait, freeze, who, fail, crash, loop, pid]


async def set_other_loop(request):
    asyncio.set_event_loop(asyncio.new_event_loop())
    return text("set")


VIEWS += [set_other_loop, block, block_until, who_in_thread, thread, called_thread, upload]


def main(global_config=None, **settings):
    threads = os.environ.get("THREADS_OF_THE_APPLICATION")
    if threads:
        executor = ThreadPoolExecutor(int(threads), thread_name_prefix="of-the-application")
        asyncio.get_event_loop().set_default_executor(executor)
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.add_tween("served_app.tween_factory")
    config.add_view(expected, context=Expected)
    for view in VIEWS:
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    return config.make_wsgi_app()
