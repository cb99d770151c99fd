"""What both sites consist of: an entry, an error, what is noted of threads, and a ping."""

import threading

from pyramid.events import NewRequest, NewResponse
from pyramid.response import Response
from sqlalchemy import Column, Integer, String, create_engine, event
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Entry(Base):
    """A row."""

    __tablename__ = "entry"
    id = Column(Integer, primary_key=True)
    name = Column(String(100))


class Refused(Exception):
    """An exception that views raise after a flush; has an exception view."""


def refused(error, request):
    return Response(status=409)


def database(settings):
    """Return an engine, the tables made."""
    # A connection for each thread that may ask for one.
    engine = create_engine(settings["sqlalchemy.url"], pool_size=60)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _wait_for_the_lock)
    Base.metadata.create_all(engine)
    return engine


def _wait_for_the_lock(connection, record):
    connection.execute("PRAGMA busy_timeout = 60000")
    connection.execute("PRAGMA synchronous = OFF")  # the disk is not what is tested


# --- Which thread the parts of a request run in ---------------------------------------------------

PARTS = "test.parts"


def note(request, part):
    request.environ.setdefault(PARTS, {})[part] = threading.get_ident()


def noting_tween_factory(handler, registry):
    def noting_tween(request):
        note(request, "tween")
        return handler(request)

    return noting_tween


def root_factory(request):
    note(request, "root factory")


class Policy:
    def identity(self, request):
        note(request, "identity")

    def authenticated_userid(self, request):
        return self.identity(request)

    def permits(self, request, context, permission):
        note(request, "permits")
        return True


class Noted:
    """A predicate that always matches."""

    def __init__(self, value, config):
        pass

    def text(self):
        return "noted"

    phash = text

    def __call__(self, context, request):
        note(request, "predicate")
        return True


class NotingRenderer:
    def __init__(self, info):
        pass

    def __call__(self, value, system):
        note(system["request"], "renderer")
        return "noted"


def begin(event):
    request = event.request
    note(request, "NewRequest")
    request.add_response_callback(lambda request, response: note(request, "response callback"))
    request.add_finished_callback(finish)


def finish(request):
    note(request, "finished callback")
    request.registry["parts"].append(request.environ[PARTS])


def parts_view(request):
    note(request, "view")
    return {}


async def parts_seen(request):
    """Return what the latest request to /parts has noted."""
    seen = [parts for parts in request.registry["parts"] if "view" in parts]
    return Response(json_body=seen[-1] if seen else {})


async def ping(request):
    return Response("pong")


def includeme(config):
    config.registry["parts"] = []
    config.add_subscriber(begin, NewRequest)
    config.add_subscriber(lambda event: note(event.request, "NewResponse"), NewResponse)
    config.add_tween("site_parts.noting_tween_factory")
    config.set_root_factory(root_factory)
    config.set_security_policy(Policy())
    config.add_view_predicate("noted", Noted)
    config.add_renderer("noting", NotingRenderer)
    config.add_exception_view(refused, Refused)
    for name, view in [("ping", ping), ("parts_seen", parts_seen)]:
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name)
    config.add_route("parts", "/parts")
    config.add_view(
        parts_view, route_name="parts", renderer="noting", noted=True, permission="view"
    )
