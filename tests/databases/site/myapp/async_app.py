"""An application with an asyncio engine: ``database``."""

import asyncio
import json
import os
import threading

from myapp import async_views, database, import_
from myapp.entries import Base, Entry, add_views, gate_of
from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from aiopyramid_core import call_off_loop, synchronize


class Expected(Exception):
    """Has an exception view."""


async def make_tables(registry):
    async with registry["engine"].begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


# --- Views that use the database ------------------------------------------------------------------


async def add_and_raise(request):
    await async_views.add(request)
    await request.db.flush()
    raise Expected


async def add_flushed_and_wait(request):
    await async_views.add(request)
    await request.db.flush()
    await gate_of(request).wait_on_loop(request.params["name"])
    return {}


async def read_and_wait(request):
    await request.db.scalars(select(Entry.name))
    await gate_of(request).wait_on_loop(request.params["name"])
    return {}


async def crowd(request):
    """Hold a connection for a moment, and tell how many were held at once."""
    state = request.registry["crowd"]
    await request.db.execute(text("SELECT 1"))
    state["now"] += 1
    state["most"] = max(state["most"], state["now"])
    await asyncio.sleep(0.01)
    state["now"] -= 1
    return {"session": id(request.db), "most": state["most"]}


async def database_sleeps(request):
    """Wait in the database itself (PostgreSQL only)."""
    await request.db.execute(text("SELECT pg_sleep(60)"))
    return {}


async def server_side(request):
    """Tell what the database server says of our connections (PostgreSQL only)."""
    query = (
        "SELECT count(*), count(*) FILTER (WHERE query LIKE 'SELECT pg_sleep%' AND"
        " state = 'active'), count(*) FILTER (WHERE state LIKE 'idle in transaction%')"
        " FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
    )
    total, asleep, idle_in_transaction = (await request.db.execute(text(query))).one()
    return {"total": total, "asleep": asleep, "idle in transaction": idle_in_transaction}


async def stream(request):
    engine = request.registry["engine"]

    async def lines():
        async with AsyncSession(engine) as session:
            async for name in await session.stream_scalars(select(Entry.name).order_by("name")):
                yield f"{name}\n".encode()

    return Response(app_iter=lines(), content_type="text/plain")


async def side_by_side(request):
    async def count():
        async with AsyncSession(request.registry["engine"]) as session:
            return len((await session.scalars(select(Entry.name))).all())

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(count()) for _ in range(10)]
    return {"counts": [task.result() for task in tasks]}


# --- Synchronous code below run_sync --------------------------------------------------------------


@synchronize
async def fail_later():
    await asyncio.sleep(0.01)
    raise Expected


@synchronize
async def price_by_way_of_ordinary_code(name):
    """A coroutine which calls synchronous code that awaits once more."""
    await asyncio.sleep(0)
    return import_.price_of(name)


async def run_sync_and_catch(request):
    def work(session):
        session.scalars(select(Entry.name)).all()
        try:
            fail_later()
        except Expected:
            return "caught"

    return {"outcome": await request.db.run_sync(work)}


async def run_sync_to_any_depth(request):
    def work(session):
        session.scalars(select(Entry.name)).all()
        return price_by_way_of_ordinary_code("four")

    return {"price": await request.db.run_sync(work)}


async def run_sync_in_a_task(request):
    """Outside of the request's greenlet."""
    async with AsyncSession(request.registry["engine"]) as session:
        task = asyncio.create_task(session.run_sync(lambda session: import_.price_of("four")))
        return {"price": await task}


async def run_sync_and_block(request):
    """Tell whether a blocking call below ``run_sync`` is kept off the event loop's thread."""
    thread = await request.db.run_sync(lambda session: call_off_loop(threading.get_ident))
    return {"off_loop": thread != threading.get_ident()}


# --- Views that do not ----------------------------------------------------------------------------


async def pool(request):
    pool = request.registry["engine"].pool
    return {"checked_out": pool.checkedout(), "engines": request.registry["engines"]}


async def asks_for_no_session(request):
    return {"asked": "db" in vars(request)}


async def count_engine(registry):
    registry["engines"] = registry.get("engines", 0) + 1


def expected(error, request):
    request.response.status = 418
    return {"expected": True}


def main():
    config = Configurator(settings=json.loads(os.environ["SETTINGS"]))
    config.include("aiopyramid_core")
    config.include(database)
    config.include("myapp.entries")
    config.add_startup(make_tables)
    config.add_startup(count_engine)
    config.registry["crowd"] = {"now": 0, "most": 0}
    config.add_view(expected, context=Expected, renderer="json")
    views = [add_and_raise, add_flushed_and_wait, read_and_wait, crowd, database_sleeps]
    views += [server_side, stream, side_by_side, run_sync_and_catch, run_sync_to_any_depth]
    views += [run_sync_in_a_task, run_sync_and_block, pool, asks_for_no_session, import_.add_priced]
    views += [async_views.add, async_views.names, async_views.names_from_a_thread]
    add_views(config, *views)
    return config.make_wsgi_app()
