"""A site as Pyramid's scaffolds made them for ten years, with the include and nothing else of ours.

A ``scoped_session``, the default ``transaction.manager``, ``pyramid_tm``, one ``threading.local``.
Of its routes, ``/coroutine`` and ``/coroutine_fails`` have become coroutines.
"""

import threading

import transaction
from pyramid.config import Configurator
from pyramid.response import Response
from site_parts import Entry, Refused, database
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from zope.sqlalchemy import register

from aiopyramid_core import call_in_thread

DBSession = scoped_session(sessionmaker())
register(DBSession)
audit = threading.local()


def add(request):
    audit.name = request.params["name"]
    DBSession.add(Entry(name=request.params["name"]))
    return {"added": audit.name}


def fails(request):
    add(request)
    DBSession.flush()
    raise Refused


def sign(event):
    """Use what the view has left, as audit trails do."""
    request, response = event.request, event.response
    if request.path == "/add":
        response.headers["X-Audit"] = audit.name


def write(session, name):
    session.add(Entry(name=name))
    session.flush()


async def coroutine(request):
    session = Session(request.registry["engine"])
    register(session, transaction_manager=transaction.manager)
    await call_in_thread(None, write, session, request.params["name"])
    return Response("added")


async def coroutine_fails(request):
    await coroutine(request)
    raise Refused


def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        engine = config.registry["engine"] = database(settings)
        DBSession.configure(bind=engine)
        config.include("pyramid_tm")
        config.include("aiopyramid_core")
        if settings.get("uwsgi"):
            config.include("aiopyramid_uwsgi")
        config.include("site_parts")
        config.add_subscriber(sign, "pyramid.events.NewResponse")
        for view in (add, fails, coroutine, coroutine_fails):
            config.add_route(view.__name__, f"/{view.__name__}")
            renderer = "json" if view is add else None
            config.add_view(view, route_name=view.__name__, renderer=renderer)
        return config.make_wsgi_app()
