"""An application with ``pyramid_tm`` and a synchronous engine: ``models`` of the documentation."""

import json
import os
import threading

from myapp import coroutine_views, models, security, views
from myapp.entries import Base, Entry, add_views, gate_of
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPConflict
from sqlalchemy import select
from sqlalchemy.orm import Session

from aiopyramid_core import call_in_thread, spawn


class Expected(Exception):
    """Has an exception view."""


def add_and_raise(request):
    views.add(request)
    request.dbsession.flush()
    raise Expected


def add_and_conflict(request):
    views.add(request)
    request.dbsession.flush()
    raise HTTPConflict()


def add_flushed_and_wait(request):
    """Write, and hold whatever locks that takes until the test opens the gate."""
    views.add(request)
    request.dbsession.flush()
    gate_of(request).wait(request.params["name"])
    return {}


def add_and_tell(request):
    """Write nothing yet: the commit will flush. Tell the test how far we are."""
    views.add(request)
    gate_of(request).waiting.add(request.params["name"])
    return {}


async def add_at_commit(request):
    """Write nothing in the view: the commit will flush."""
    views.add(request)
    return {}


async def add_from_task(request):
    """Have a background task write what the request asks for, in the end."""
    spawn(write_later(request.registry, request.params["name"], gate_of(request)))
    return {}


async def write_later(registry, name, gate):
    await gate.wait_on_loop(name)
    await call_in_thread(None, write, registry["engine"], name)


def write(engine, name):
    with Session(engine) as session, session.begin():
        session.add(Entry(name=name))


async def add_and_wait_on_loop(request):
    await call_in_thread(None, save, request)
    await gate_of(request).wait_on_loop(request.params["name"])
    return {}


def save(request):
    """Write, which takes the lock that others wait for."""
    views.add(request)
    request.dbsession.flush()


async def add_from_coroutine(request):
    await call_in_thread(None, save, request)
    return {}


async def add_from_coroutine_and_raise(request):
    await call_in_thread(None, save, request)
    raise Expected


def names(request):
    return {"names": sorted(request.dbsession.scalars(select(Entry.name)))}


def whoami(request):
    return {"userid": request.authenticated_userid}


async def pool(request):
    return {"checked_out": request.registry["engine"].pool.checkedout()}


def expected(error, request):
    request.response.status = 418
    return {"expected": True}


def thread_of_commit(request):
    """Tell whether the commit will be in the view's thread."""
    request.tm.get().addAfterCommitHook(note_thread, (request.registry, threading.get_ident()))
    return {}


def note_thread(succeeded, registry, thread_of_view):
    registry["same"] = threading.get_ident() == thread_of_view


async def same_thread(request):
    return {"same": request.registry["same"]}


async def wait(request):
    """Wait in a coroutine view."""
    await gate_of(request).wait_on_loop(request.params["name"])
    return {}


def main():
    settings = json.loads(os.environ["SETTINGS"])
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.include(models)
    config.include("myapp.entries")
    config.set_security_policy(security.SecurityPolicy())
    config.add_view(expected, context=Expected, renderer="json")
    some = [add_and_raise, add_and_conflict, add_flushed_and_wait, add_and_tell]
    some += [add_and_wait_on_loop, add_from_coroutine, add_from_coroutine_and_raise, names]
    some += [whoami, pool, thread_of_commit, same_thread, wait, views.add]
    some += [coroutine_views.add_with_price, add_at_commit, add_from_task]
    add_views(config, *some)
    Base.metadata.create_all(config.registry["engine"])
    return config.make_wsgi_app()
