"""An application of the kind that was made for ten years: all of it relies on thread-locals.

With the setting ``scoped`` its session is that of the documentation, for coroutine views.
"""

import json
import os
import sqlite3
import threading

import transaction
import zope.sqlalchemy
from myapp import scoped
from myapp.entries import Base, Entry, add_views, gate_of
from pyramid.config import Configurator
from sqlalchemy import create_engine, select
from sqlalchemy.orm import scoped_session, sessionmaker

from aiopyramid_core import call_in_thread

SETTINGS = json.loads(os.environ["SETTINGS"])

if SETTINGS.get("scoped"):
    Session = scoped.DBSession
else:
    Session = scoped_session(sessionmaker())
    zope.sqlalchemy.register(Session)

local = threading.local()


class Recorder:
    """Something with a transaction, which notes how that ended."""

    def __init__(self, name, endings):
        self.name = name
        self._endings = endings

    def sortKey(self):
        return self.name

    def abort(self, transaction):
        self._endings[self.name] = "rolled back"

    def tpc_begin(self, transaction):
        pass

    commit = tpc_vote = tpc_abort = tpc_begin

    def tpc_finish(self, transaction):
        self._endings[self.name] = "committed"


def add(request):
    Session.add(Entry(name=request.params["name"]))
    Session.flush()
    return {}


def add_and_raise(request):
    add(request)
    raise LookupError


def add_and_wait(request):
    add(request)
    gate_of(request).wait(request.params["name"])
    return {}


def names(request):
    """Read by a session of its own what is committed."""
    with sessionmaker(request.registry["engine"])() as session:
        return {"names": sorted(session.scalars(select(Entry.name)))}


def is_locked(request):
    """Tell whether somebody's open transaction keeps others from writing."""
    with sqlite3.connect(request.registry["engine"].url.database, timeout=0.2) as connection:
        try:
            connection.execute("INSERT INTO entry (name, price) VALUES ('by itself', 0)")
        except sqlite3.OperationalError:
            return {"locked": True}
        connection.rollback()
    return {"locked": False}


async def join(request):
    """Take part in the transaction of the current thread."""
    name = request.params["name"]
    transaction.get().join(Recorder(name, request.registry["endings"]))
    if "gate" in request.params:
        await gate_of(request).wait_on_loop(name)
    return {}


async def endings(request):
    return request.registry["endings"]


async def add_from_coroutine(request):
    await call_in_thread(None, add, request)
    if "gate" in request.params:
        await gate_of(request).wait_on_loop(request.params["name"])
    return {}


async def add_from_coroutine_and_raise(request):
    await add_from_coroutine(request)
    raise LookupError


def add_after_the_tweens(request):
    """Leave something in the thread, and write it in transactions of the callbacks' own."""
    local.name = request.params["name"]
    request.add_response_callback(lambda request, response: add_in_transaction("response"))
    request.add_finished_callback(lambda request: add_in_transaction("finished"))
    return {}


def add_in_transaction(callback):
    with transaction.manager:
        Session.add(Entry(name=f"{local.name} {callback}"))


def main():
    config = Configurator(settings=SETTINGS)
    config.include("aiopyramid_core")
    config.include("pyramid_tm")
    config.include("myapp.entries")
    if SETTINGS.get("scoped"):
        config.include(scoped)
    engine = create_engine(SETTINGS["sqlalchemy.url"])
    Session.configure(bind=engine)
    Base.metadata.create_all(engine)
    config.registry["engine"] = engine
    config.registry["endings"] = {}
    views = [add, add_and_raise, add_and_wait, names, is_locked, join, endings]
    views += [add_from_coroutine, add_from_coroutine_and_raise, add_after_the_tweens]
    add_views(config, *views)
    return config.make_wsgi_app()
