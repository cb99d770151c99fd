"""What the documentation warns of: ``transaction.manager``, which is one per thread."""

import json
import os
import sqlite3

import transaction
import zope.sqlalchemy
from myapp import in_thread
from myapp.entries import Base, Entry, add_views, gate_of
from pyramid.config import Configurator
from sqlalchemy import create_engine, select
from sqlalchemy.orm import scoped_session, sessionmaker

Session = scoped_session(sessionmaker())
zope.sqlalchemy.register(Session)


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


async def coroutine(request):
    return {"called": True}


def main():
    settings = json.loads(os.environ["SETTINGS"])
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.include("pyramid_tm")
    config.include("myapp.entries")
    if settings.get("in_thread"):
        config.include(in_thread)
    engine = create_engine(settings["sqlalchemy.url"])
    Session.configure(bind=engine)
    Base.metadata.create_all(engine)
    config.registry["engine"] = engine
    config.registry["endings"] = {}
    views = [add, add_and_raise, add_and_wait, names, is_locked, join, endings, coroutine]
    add_views(config, *views)
    return config.make_wsgi_app()
