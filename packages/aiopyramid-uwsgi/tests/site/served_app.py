"""The Pyramid application that the tests serve with real uWSGI processes."""

import asyncio
import gc
import json
import logging
import multiprocessing
import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from greenlet import GreenletExit
from pyramid.config import Configurator
from pyramid.response import FileResponse, Response
from pyramid.threadlocal import get_current_request

from aiopyramid_core import call_in_thread, spawn, thread_counts
from aiopyramid_core.contract import UPGRADE
from aiopyramid_core.streaming import EventStreamResponse

logging.basicConfig(level=logging.INFO)
name_of_request = ContextVar("name_of_request", default="nobody")


def text(body):
    return Response(str(body), content_type="text/plain", charset="utf-8")


def say(line):
    """Tell the test, by way of the server's output."""
    print(line, file=sys.stderr, flush=True)


# --- Coroutine views ------------------------------------------------------------------------------


async def hello(request):
    return text("hello")


async def sleep(request):
    await asyncio.sleep(float(request.params["seconds"]))
    return text("slept")


async def wait(request):
    """Wait until the test has made a file."""
    say(f"came to {request.path_qs}")
    while not os.path.exists(request.params["file"]):
        await asyncio.sleep(0.01)
    return text("waited")


async def who(request):
    seen = [name_of_request.get(), get_current_request() is request]
    name_of_request.set(request.params["name"])
    await asyncio.sleep(0.01)
    seen += [name_of_request.get(), get_current_request() is request]
    await call_in_thread(None, time.sleep, 0.001)
    seen += [name_of_request.get(), get_current_request() is request]
    return text(json.dumps(seen))


async def fail(request):
    await asyncio.sleep(0)
    raise LookupError("a bug")


class Panic(BaseException):
    """The panics of extensions written in Rust are not Exceptions either."""


async def panic(request):
    await asyncio.sleep(0)
    raise Panic


async def killed(request):
    raise GreenletExit


def end_children(request):
    """Begin and end child processes; return how they ended."""
    codes = []
    for _ in range(5):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join(20)
        codes.append(child.exitcode)
    return text(codes)


async def end_children_on_loop(request):
    return end_children(request)


def leave_child(request):
    """Begin a child process that lives on; return its process id."""
    child = os.fork()
    if child == 0:
        time.sleep(120)
        os._exit(0)
    return text(child)


async def leave(request):
    await asyncio.sleep(0)
    sys.exit(3)


ESCAPES = {"exit": SystemExit, "interrupt": KeyboardInterrupt}


async def escape(request):
    """Have a task or a callback raise an exception that event loops let through."""
    error = ESCAPES[request.params["error"]]("a bug")

    def fail():
        raise error

    async def fail_in_task():
        fail()

    if request.params["from"] == "task":
        await asyncio.wait([asyncio.create_task(fail_in_task())])
    else:
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)
    return text(os.getpid())


async def cancel(request):
    asyncio.current_task().cancel()
    await asyncio.sleep(1)


async def loop(request):
    return text(type(asyncio.get_running_loop()).__module__.partition(".")[0])


async def pid(request):
    return text(os.getpid())


async def garbage(request):
    """Tell whether the garbage collector visits objects that the application had at its start."""
    return text(any(each is VIEWS for each in gc.get_objects()))


async def length(request):
    return text(f"{len(request.body)} {request.content_length}")


async def limit_files(request):
    """Let files have so many bytes at most; -1 for any number."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(request.params["bytes"]), most))
    return text("limited")


async def scheme(request):
    return text(request.application_url.partition("//")[0])


async def background(request):
    async def work():
        await asyncio.sleep(0.3)
        say(f"the background task of {request.path_qs} has ended")

    spawn(work())
    return text("begun")


# --- Synchronous views ----------------------------------------------------------------------------


def block(request):
    time.sleep(float(request.params["seconds"]))
    return text("blocked")


def block_forever(request):
    say("came to block forever")
    time.sleep(1000)


def length_in_thread(request):
    return text(f"{len(request.body)} {request.content_length}")


def thread(request):
    return text(threading.current_thread().name)


async def executor(request):
    thread = await call_in_thread(None, threading.current_thread)
    return text(f"{thread.name.partition('_')[0]} {thread_counts().limit}")


def file(request):
    return FileResponse(__file__)


# --- Bodies in parts ------------------------------------------------------------------------------


async def stream(request):
    async def parts():
        try:
            for number in range(int(request.params["number"])):
                await asyncio.sleep(0.001)
                yield b"%d " % number
        finally:
            say("closed the stream")

    return Response(app_iter=parts(), content_type="text/plain")


async def endless(request):
    async def parts():
        try:
            while True:
                yield b"x" * 10_000
                await asyncio.sleep(0)
        finally:
            say("closed the endless stream")

    return Response(app_iter=parts(), content_type="text/plain")


async def timed(request):
    async def parts():
        async with asyncio.timeout(10):
            task = asyncio.current_task()
            for _ in range(3):
                await asyncio.sleep(0)
                yield b"same " if asyncio.current_task() is task else b"other "

    return Response(app_iter=parts(), content_type="text/plain")


def broken(request):
    def parts():
        yield b"first"
        raise LookupError("halfway")

    return Response(app_iter=parts(), content_type="text/plain")


def broken_by_panic(request):
    def parts():
        yield b"first"
        raise Panic

    return Response(app_iter=parts(), content_type="text/plain")


def panic_in_thread(request):
    raise Panic


def large(request):
    return text("x" * int(request.params["length"]))


class Writing(Response):
    """A response that uses the write() callable of PEP 3333."""

    def __call__(self, environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written ")
        write(b"twice, ")
        return [b"returned"]


def writing(request):
    return Writing()


class Silent(Response):
    def __call__(self, environ, start_response):
        return [b"no head"]


def silent(request):
    return Silent()


class FailsToStop(asyncio.Protocol):
    def connection_made(self, transport):
        say("switched to a protocol that fails to stop")

    def server_stops(self):
        raise LookupError("a bug")


class Switching(Response):
    def __call__(self, environ, start_response):
        environ[UPGRADE](FailsToStop())
        start_response("101 Switching Protocols", [("Upgrade", "test"), ("Connection", "upgrade")])
        return []


async def switch(request):
    return Switching()


class Said(Response):
    """A response that is what the request says, right or wrong."""

    def __init__(self, said):
        super().__init__()
        self._said = said

    def __call__(self, environ, start_response):
        start_response(self._said["status"], [tuple(field) for field in self._said["fields"]])
        parts = [part.encode() for part in self._said["parts"]]
        how = self._said["how"]
        return parts if how == "list" else iter(parts) if how == "iterator" else self._async(parts)

    async def _async(self, parts):
        for part in parts:
            yield part


def said(request):
    return Said(json.loads(request.params["said"]))


# --- The application ------------------------------------------------------------------------------


async def start(registry):
    await asyncio.sleep(0)
    say(f"startup of {os.getpid()}")
    if "FAIL_AT_STARTUP" in os.environ or os.path.exists(os.environ.get("FAIL_IF", "")):
        raise ConnectionError("no database")
    while os.path.exists(os.environ.get("WAIT_IF", "")):
        await asyncio.sleep(0.01)


async def stop(registry):
    say(f"shutdown of {os.getpid()}")


async def events(request):
    """Send events without an end."""

    async def ticks():
        while True:
            yield "tick"
            await asyncio.sleep(3600)

    return EventStreamResponse(ticks())


VIEWS = [hello, sleep, wait, who, fail, leave, cancel, loop, pid, garbage, scheme, background]
VIEWS += [limit_files, length, block, block_forever, length_in_thread, thread, executor, file]
VIEWS += [stream, endless, events, timed, broken, large, writing, silent, switch, said]
VIEWS += [panic, panic_in_thread, broken_by_panic, killed, end_children, end_children_on_loop]
VIEWS += [leave_child, escape]


def main(global_config=None, **settings):
    if "THREADS_BEFORE" in os.environ:
        set_executor()
    config = Configurator(settings=settings)
    config.include("aiopyramid_uwsgi")
    if "THREADS_AFTER" in os.environ:
        set_executor()
    config.add_startup(start)
    config.add_shutdown(stop)
    for view in VIEWS:
        config.add_route(view.__name__, f"/{view.__name__}")
        config.add_view(view, route_name=view.__name__)
    return config.make_wsgi_app()


def set_executor():
    executor = ThreadPoolExecutor(2, thread_name_prefix="of-the-application")
    asyncio.get_event_loop().set_default_executor(executor)


if "HOOK" in os.environ:
    import uwsgi

    uwsgi.post_fork_hook = lambda: say("the hook of the application")

application = main(**json.loads(os.environ["SETTINGS"]))
