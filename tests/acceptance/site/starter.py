"""A site of today's kind, after Pyramid's cookiecutter: an explicit manager, a session per request.

Of its routes, ``/coroutine`` and ``/coroutine_fails`` have become coroutines.
"""

import asyncio
import time

import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.response import Response
from site_parts import Entry, Refused, database
from sqlalchemy import update
from sqlalchemy.orm import sessionmaker

from aiopyramid_core import call_in_thread


def dbsession(request):
    session = request.registry["session_factory"]()
    zope.sqlalchemy.register(session, transaction_manager=request.tm)
    return session


def add(request):
    request.dbsession.add(Entry(name=request.params["name"]))
    return {"added": request.params["name"]}


def fails(request):
    add(request)
    request.dbsession.flush()
    raise Refused


def slow(request):
    """Hold the lock of the database for a while."""
    add(request)
    request.dbsession.flush()
    time.sleep(float(request.params["seconds"]))
    return Response("added")


def write(request):
    request.dbsession.add(Entry(name=request.params["name"]))
    request.dbsession.flush()


async def coroutine(request):
    await call_in_thread(None, write, request)
    return Response("added")


def lock_the_row(request):
    request.dbsession.execute(update(Entry).where(Entry.name == "row").values(name="row"))


async def same_row(request):
    """Wait for a lock that all others want, too, and hold it until the commit."""
    await call_in_thread(None, lock_the_row, request)
    await asyncio.sleep(0)
    return Response("locked")


async def coroutine_fails(request):
    await coroutine(request)
    raise Refused


def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        settings = config.get_settings()
        settings["tm.manager_hook"] = "pyramid_tm.explicit_manager"
        engine = database(settings)
        config.registry["session_factory"] = sessionmaker(engine)
        config.include("pyramid_tm")
        config.include("aiopyramid_core")
        if settings.get("uwsgi"):
            config.include("aiopyramid_uwsgi")
        config.include("site_parts")
        config.add_request_method(dbsession, reify=True)
        for view in (add, fails, slow, same_row, coroutine, coroutine_fails):
            config.add_route(view.__name__, f"/{view.__name__}")
            renderer = "json" if view is add else None
            config.add_view(view, route_name=view.__name__, renderer=renderer)
        return config.make_wsgi_app()
