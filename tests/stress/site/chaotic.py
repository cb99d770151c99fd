"""The application for ``tests/stress/chaos``: whatever honest and harmful clients ask for.

With ``DATABASE`` in its environment, the URL of a PostgreSQL database without a driver's name, it
writes there, and does not start as long as the database is away.
"""

import asyncio
import hashlib
import multiprocessing
import os
import sys
import time

import asyncpg
from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from stressed import census, fill_pools

from aiopyramid_core import await_
from aiopyramid_gunicorn.worker import AsyncGunicornWorker
from aiopyramid_websocket import websocket_config

LINES = 40  # of each stream
CHILD_SECONDS = 60
fork = multiprocessing.get_context("fork")


class Worker(AsyncGunicornWorker):
    """Times out soon, so that a short run sees all limits act."""

    body_memory_bytes = 64 << 10
    head_timeout_seconds = 2.0
    body_timeout_seconds = 2.0
    body_grace_seconds = 3.0
    write_timeout_seconds = 3.0


def answer(body):
    return Response(body, content_type="text/plain", charset="utf-8")


# --- What honest clients ask for ------------------------------------------------------------------


async def coroutine(request):
    await asyncio.sleep(0.002)
    return answer(request.matchdict["mark"])


def synchronous(request):
    time.sleep(0.002)
    return answer(request.matchdict["mark"])


async def upload(request):
    return answer(hashlib.sha256(request.body).hexdigest())


def upload_in_thread(request):
    digest = hashlib.sha256()
    while part := request.body_file.read(8192):
        digest.update(part)
    return answer(digest.hexdigest())


async def streamed(request):
    mark = request.matchdict["mark"]

    async def lines():
        for number in range(LINES):
            if number % 10 == 0:
                await asyncio.sleep(0.001)
            yield f"{mark} {number}\n".encode()

    return Response(app_iter=lines(), content_type="text/plain")


def iterated(request):
    mark = request.matchdict["mark"]
    lines = (f"{mark} {number}\n".encode() for number in range(LINES))
    return Response(app_iter=lines, content_type="text/plain")


@websocket_config(route_name="echo", ping_interval=2, ping_timeout=2, close_timeout=2)
async def echo(ws):
    async for message in ws:
        await ws.send(message)


# --- A database that comes and goes ---------------------------------------------------------------

WRITE = text("INSERT INTO entry (name) VALUES (:name)")
POOL = {"pool_size": 3, "max_overflow": 2, "pool_timeout": 20, "pool_pre_ping": True}


async def write(request):
    async with request.registry["async_engine"].begin() as connection:
        await connection.execute(WRITE, {"name": request.matchdict["mark"]})
    return answer(request.matchdict["mark"])


def write_in_thread(request):
    with request.registry["engine"].begin() as connection:
        connection.execute(WRITE, {"name": request.matchdict["mark"]})
    return answer(request.matchdict["mark"])


def database_away(error, request):
    return Response("the database is away", status=503)


async def find_database(registry):
    async with registry["async_engine"].connect() as connection:
        await connection.execute(text("SELECT 1"))


def use_database(config, url):
    config.registry["engine"] = create_engine(f"postgresql+psycopg{url}", **POOL)
    config.registry["async_engine"] = create_async_engine(f"postgresql+asyncpg{url}", **POOL)
    config.add_startup(find_database)
    for error in (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        config.add_exception_view(database_away, context=error)
    for view in (write, write_in_thread):
        add(config, view, f"/{view.__name__}/{{mark}}")


# --- What harmful clients ask for -----------------------------------------------------------------


async def slow(request):
    await asyncio.sleep(0.5)
    return answer(request.matchdict["mark"])


def slow_in_thread(request):
    time.sleep(0.2)
    return answer(request.matchdict["mark"])


async def endless(request):
    """Send as fast as the client reads."""

    async def parts():
        while True:
            yield bytes(64 << 10)
            await asyncio.sleep(0)

    return Response(app_iter=parts(), content_type="application/octet-stream")


class Panic(BaseException):
    """What a time limit of gevent or a panic of an extension is: no Exception."""


RAISED = {
    "panic": Panic,
    "generator_exit": GeneratorExit,
    "system_exit": SystemExit,
    "interrupt": KeyboardInterrupt,
    "cancelled": asyncio.CancelledError,
    "group": lambda: BaseExceptionGroup("several", [Panic(), ValueError()]),
    "stop_iteration": StopIteration,
}


async def raises(request):
    await asyncio.sleep(0)
    raise RAISED[request.matchdict["mark"]]()


def raises_in_thread(request):
    await_(asyncio.sleep(0))
    raise RAISED[request.matchdict["mark"]]()


async def raises_in_stream(request):
    async def parts():
        yield b"the first part\n"
        raise RAISED[request.matchdict["mark"]]()

    return Response(app_iter=parts(), content_type="text/plain")


def raises_in_body(request):
    def parts():
        yield b"the first part\n"
        raise RAISED[request.matchdict["mark"]]()

    return Response(app_iter=parts(), content_type="text/plain")


def terminated_child():
    child = fork.Process(target=time.sleep, args=(CHILD_SECONDS,))
    child.start()
    child.terminate()
    child.join(20)
    return answer(str(child.exitcode))


async def child(request):
    return terminated_child()


def child_in_thread(request):
    return terminated_child()


def child_that_stays(request):
    """Leave a child behind, which has all that was open here, for a few seconds."""
    if os.fork() == 0:
        time.sleep(3)
        os._exit(0)
    return answer(request.matchdict["mark"])


@websocket_config(route_name="silent", ping_interval=1, ping_timeout=1, close_timeout=1)
async def silent(ws):
    """Neither read nor write."""
    await asyncio.sleep(2)


@websocket_config(route_name="talkative", ping_interval=2, ping_timeout=2, close_timeout=1)
async def talkative(ws):
    while True:
        await ws.send("x" * 10_000)


# --- The application ------------------------------------------------------------------------------

HONEST = [coroutine, synchronous, upload, upload_in_thread, streamed, iterated]
HARMFUL = [slow, slow_in_thread, endless, raises, raises_in_thread, raises_in_stream]
HARMFUL += [raises_in_body, child, child_in_thread, child_that_stays]


async def say_started(registry):
    print("a worker has started", file=sys.stderr, flush=True)


def add(config, view, pattern):
    config.add_route(view.__name__, pattern)
    config.add_view(view, route_name=view.__name__)


def main():
    config = Configurator()
    config.include("aiopyramid_core")
    config.include("aiopyramid_websocket")
    for view in (*HONEST, *HARMFUL):
        add(config, view, f"/{view.__name__}/{{mark}}")
    for name in ("echo", "silent", "talkative"):
        config.add_route(name, f"/{name}")
    config.scan("chaotic")
    for view in (census, fill_pools):
        config.add_route(view.__name__, f"/-/{view.__name__}")
        config.add_view(view, route_name=view.__name__, renderer="json")
    if url := os.environ.get("DATABASE"):
        use_database(config, url)
    config.add_startup(say_started)
    return config.make_wsgi_app()
