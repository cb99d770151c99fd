"""The shop on a server: each feature by a coroutine view, a synchronous view and a WebSocket."""

import asyncio
import json
import os
import uuid

import asyncpg
from pyramid.config import Configurator
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from aiopyramid_sqlalchemy import begin_dbsession, get_engine
from shop.features import FEATURES
from shop.models import Base, Cart, Customer, Item, Visit


def run_feature(request, dbsession):
    return FEATURES[request.matchdict["feature"]](dbsession, uuid.uuid4().hex)


async def in_coroutine(request):
    return run_feature(request, request.dbsession)


def in_thread(request):
    return run_feature(request, request.dbsession)


async def in_task(request):
    """In a child of the request, and a session of its own."""

    async def task():
        async with request.begin_dbsession() as dbsession:
            return run_feature(request, dbsession)

    return (await asyncio.gather(task()))[0]


async def in_websocket(request, ws):
    async with begin_dbsession(request.registry) as dbsession:
        result = run_feature(request, dbsession)
    await ws.send(json.dumps(result))


# --- Many requests --------------------------------------------------------------------------------


async def wait_for_lock(request):
    """Wait in the database until the test unlocks it (PostgreSQL only)."""
    request.dbsession.execute(text("select pg_advisory_xact_lock_shared(1)"))
    return {}


async def sleep(request):
    request.dbsession.execute(text("select pg_sleep(0.1)"))
    return {}


async def ping(request):
    return {"checked_out": get_engine(request.registry).pool.checkedout()}


async def add(request):
    """Write two rows, with a wait in between."""
    customer = Customer(name=request.params["name"])
    request.dbsession.add(customer)
    request.dbsession.flush()
    await asyncio.sleep(0.001)
    request.dbsession.add(Visit(customer_id=customer.id, page="one"))
    return {}


def add_in_thread(request):
    customer = Customer(name=request.params["name"])
    request.dbsession.add(customer)
    request.dbsession.flush()
    request.dbsession.add(Visit(customer_id=customer.id, page="one"))
    return {}


async def add_in_block(request):
    """Write in a session that is not the request's."""
    async with request.begin_dbsession() as dbsession:
        customer = Customer(name=request.params["name"])
        dbsession.add(customer)
        dbsession.flush()
        dbsession.add(Visit(customer_id=customer.id, page="one"))
    return {}


async def hold(request):
    """Use a connection for some time (PostgreSQL only)."""
    request.dbsession.execute(select(func.pg_sleep(float(request.params["seconds"]))))
    return {}


async def names(request):
    query = request.dbsession.query(Customer.name, Visit.page).outerjoin(Visit)
    return {"names": dict(tuple(row) for row in query)}


async def increment(request):
    """Read and write a row that all others write, too."""
    item = request.dbsession.get(Item, 1)
    price = item.price
    await asyncio.sleep(0.001)
    item.price = price + 1
    return {"attempt": request.environ["retry.attempt"]}


def increment_in_thread(request):
    request.dbsession.get(Item, 1).price += 1
    return {"attempt": request.environ["retry.attempt"]}


async def lock_both(request):
    """Lock two rows in an order that others do not keep."""
    request.dbsession.execute(text("set local deadlock_timeout = '20ms'"))
    for item_id in request.params.getall("id"):
        request.dbsession.get(Item, int(item_id)).price += 1
        request.dbsession.flush()
        await asyncio.sleep(0.01)
    return {"attempt": request.environ["retry.attempt"]}


async def prices(request):
    return {item.id: item.price for item in request.dbsession.query(Item)}


def make_tables(registry):
    try:
        Base.metadata.create_all(get_engine(registry))
    except DBAPIError:  # another worker was making them at the same time
        Base.metadata.create_all(get_engine(registry))


def fill(registry):
    with begin_dbsession(registry) as dbsession:
        items = [Item(id=1, name="one", price=0), Item(id=2, name="two", price=0)]
        dbsession.add(Customer(name="all", carts=[Cart(items=items)]))


def database_error(error, request):
    request.response.status = 503
    return {"error": type(error).__name__}


def main():
    settings = json.loads(os.environ["SETTINGS"])
    with Configurator(settings=settings) as config:
        if settings.get("tm.manager_hook"):
            config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        config.include("aiopyramid_websocket")
        config.add_startup(make_tables)
        if "retry.attempts" in settings:
            config.include("pyramid_retry")
            config.add_startup(fill)
        # The last three while a connection is made: SQLAlchemy passes the driver's errors on.
        for error in (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            config.add_exception_view(database_error, context=error, renderer="json")
        for view in (in_coroutine, in_thread, in_task):
            config.add_route(view.__name__, f"/{view.__name__}/{{feature}}")
            config.add_view(view, route_name=view.__name__, renderer="json")
        config.add_route("in_websocket", "/in_websocket/{feature}")
        config.add_websocket_view(in_websocket, route_name="in_websocket")
        for view in (
            *(wait_for_lock, sleep, hold, ping, names),
            *(add, add_in_thread, add_in_block),
            *(increment, increment_in_thread, lock_both, prices),
        ):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__, renderer="json")
        return config.make_wsgi_app()
