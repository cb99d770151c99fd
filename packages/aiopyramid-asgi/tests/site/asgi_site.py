"""An application with what a server can be asked for."""

import asyncio
import hashlib
import tempfile
import threading
import time

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPGone
from pyramid.response import FileResponse, Response

from aiopyramid_core.streaming import EventStreamResponse
from aiopyramid_core.uploads import body_parts
from aiopyramid_websocket import WebSocketMapper

log = []
"""The notes of the views, for the clients to read."""


FILE = tempfile.NamedTemporaryFile()  # noqa: SIM115 - deleted at the end
FILE.write(bytes(1_000_000))
FILE.flush()


async def hello(request):
    await asyncio.sleep(0)
    return "hello"


def name_of_thread(request):
    return threading.current_thread().name


def sleeping(request):
    time.sleep(0.2)
    return "slept"


async def environ(request):
    return {name: value for name, value in request.environ.items() if isinstance(value, str)}


async def url(request):
    return request.url


async def cookies(request):
    return dict(request.cookies)


async def upload(request):
    log.append("upload")
    return hashlib.sha256(request.body).hexdigest()


async def streamed(request):
    digest = hashlib.sha256()
    async for part in body_parts(request):
        if "streamed began" not in log:
            log.append("streamed began")
        digest.update(part)
    return digest.hexdigest()


async def guarded(request):
    raise HTTPForbidden


async def events(request):
    async def ticks():
        try:
            while True:
                yield "tick"
                await asyncio.sleep(0.05)
        finally:
            log.append("events closed")

    return EventStreamResponse(ticks())


async def endless(request):
    """Send as fast as the server takes it."""
    taken = request.registry.settings["taken"] = [0]

    async def parts():
        try:
            while True:
                yield b"x" * (64 << 10)
                taken[0] += 1
        finally:
            log.append("endless closed")

    return Response(app_iter=parts())


def threaded(request):
    """Send without an end, from a thread."""

    def parts():
        try:
            while True:
                yield b"x" * (64 << 10)
        finally:
            log.append("threaded closed")

    return Response(app_iter=parts())


async def taken(request):
    return str(request.registry.settings["taken"][0])


async def waiting(request):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        log.append("waiting cancelled")
        raise


async def broken(request):
    async def parts():
        yield b"the beginning"
        raise ValueError("broken on purpose")

    return Response(app_iter=parts())


async def failing(request):
    raise ValueError("failed on purpose")


async def parts(request):
    async def parts():
        for number in range(3):
            yield b"%d" % number

    return Response(app_iter=parts())


async def echo(request, ws):
    try:
        async for message in ws:
            if message == "close":
                await ws.close(4001, "as asked")
            elif message == "fragments":
                await ws.send(["one ", "two"])
            elif message == "fail":
                raise ValueError("failed on purpose")
            else:
                await ws.send(message)
    finally:
        log.append(f"echo ended with {ws.close_code}")


async def flood(request, ws):
    sent = request.registry.settings["taken"] = [0]
    try:
        while True:
            await ws.send(b"x" * (64 << 10))
            sent[0] += 1
    finally:
        log.append("flood ended")


async def admit(request):
    await asyncio.sleep(0)
    if "away" in request.params:
        raise HTTPGone
    request.response.headers["X-Admitted"] = "yes"
    return "admitted"


async def admitted(ws):
    await ws.send(str(ws.subprotocol))


async def cleaned_up(request):
    request.add_finished_callback(lambda request: log.append("finished callback"))

    async def parts():
        while True:
            yield b"part"
            await asyncio.sleep(0.05)

    return Response(app_iter=parts())


async def file(request):
    return FileResponse(FILE.name, request)


async def what_happened(request):
    return log


def main(global_config=None, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_asgi")
        for view in (hello, name_of_thread, sleeping, upload, taken, url):
            _add(config, view, renderer="string")
        for view in (streamed, guarded):
            _add(config, view, renderer="string", stream_body=True)
        for view in (environ, cookies, what_happened):
            _add(config, view, renderer="json")
        for view in (events, endless, threaded, waiting, broken, failing, parts, cleaned_up, file):
            _add(config, view)
        config.include("aiopyramid_websocket")
        for view in (echo, flood):
            _add(config, view, mapper=WebSocketMapper)
        _add(config, admitted, mapper=WebSocketMapper.configure(accept=admit))
        config.add_startup(started)
        config.add_shutdown(stopped)
        return config.make_asgi_app()


def _add(config, view, **options):
    config.add_route(view.__name__, f"/{view.__name__}*rest")
    config.add_view(view, route_name=view.__name__, **options)


async def started(registry):
    print("the application has started", flush=True)


async def stopped(registry):
    print("the application has stopped", flush=True)


application = main(
    **{
        "aiopyramid.cancel_on_disconnect": "true",
        "aiopyramid.asgi.body_limit_bytes": str(1 << 20),
        "aiopyramid.websocket.subprotocols": "second first",
        "aiopyramid.websocket.max_size": "1000",
    }
)
