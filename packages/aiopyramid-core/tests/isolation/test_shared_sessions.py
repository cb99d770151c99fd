"""shared_sessions: the log tells when coroutine requests share a SQLAlchemy session."""

import asyncio

import pytest
from pyramid.response import Response
from sqlalchemy import Column, Integer, String, create_engine
from sqlalchemy.orm import close_all_sessions, declarative_base, scoped_session, sessionmaker
from sqlalchemy.util import ScopedRegistry

from aiopyramid_core import call_in_thread, request_scope
from aiopyramid_core._isolation import shared_sessions as _shared_sessions

Base = declarative_base()


class Entry(Base):
    __tablename__ = "entry"
    id = Column(Integer, primary_key=True)
    name = Column(String)


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(_shared_sessions, "_said_at", float("-inf"))


@pytest.fixture
def make_session(tmp_path):
    """Make a scoped session for a database with one table."""
    engine = create_engine(f"sqlite:///{tmp_path}/data.db")
    Base.metadata.create_all(engine)
    made = []

    def make_session(**options):
        made.append(scoped_session(sessionmaker(engine), **options))
        return made[-1]

    yield make_session
    close_all_sessions()  # those of threads, too
    engine.dispose()


def said(caplog):
    return [r.getMessage() for r in caplog.records if "share a SQLAlchemy session" in r.message]


async def two_requests(app, fetch, *paths):
    """Have two requests under way at the same time."""
    app.registry["barrier"] = asyncio.Barrier(2)
    requests = [asyncio.create_task(fetch(app, path)) for path in paths or ("/first", "/second")]
    await asyncio.gather(*requests)


def configure(session):
    async def view(request):
        session.query(Entry).all()
        await request.registry["barrier"].wait()
        session.query(Entry).all()
        await request.registry["barrier"].wait()
        session.remove()
        return Response("")

    def configure(config):
        config.add_route("path", "/*path")
        config.add_view(view, route_name="path")

    return configure


def test_a_session_per_thread_is_reported_with_the_remedy(
    run, application, fetch, make_session, caplog
):
    run(two_requests, application(configure(make_session())), fetch)
    assert said(caplog) == [
        "Coroutine requests share a SQLAlchemy session (/first, /second): what one of them writes,"
        " another one commits or loses. A scoped_session needs"
        " scopefunc=aiopyramid_core.request_scope; any other session has to be made for each"
        " request"
    ]


def test_the_paths_are_quoted_as_in_a_url(run, application, fetch, make_session, caplog):
    run(two_requests, application(configure(make_session())), fetch, "/a%20b", "/@%C3%A9")
    (message,) = said(caplog)
    assert "(/a%20b, /@%C3%A9)" in message


def with_scope(make_session):
    return make_session(scopefunc=request_scope)


def with_scope_given_later(make_session):
    """Change a session that a package has created, as ``docs/transactions.md`` says."""
    session = make_session()
    session.registry = ScopedRegistry(session.session_factory, request_scope)
    return session


@pytest.mark.parametrize("remedy", [with_scope, with_scope_given_later])
def test_with_the_remedy_there_is_nothing_to_report(
    run, application, fetch, make_session, caplog, remedy
):
    session = remedy(make_session)
    app = application(configure(session))

    async def main():
        for _ in range(3):
            await two_requests(app, fetch)

    run(main)
    assert said(caplog) == []


def test_a_session_that_goes_to_a_thread_and_back_is_not_shared(
    run, application, fetch, make_session, caplog
):
    session = make_session(scopefunc=request_scope)

    async def view(request):
        await call_in_thread(None, session.query(Entry).all)
        session.query(Entry).all()
        session.remove()
        return Response("")

    run(fetch, application(lambda config: config.add_view(view)))
    assert said(caplog) == []


def test_synchronous_requests_are_none_of_its_business(
    run, application, fetch, make_session, caplog
):
    session = make_session()

    def view(request):
        session.query(Entry).all()
        return Response("")

    async def main():
        app = application(lambda config: config.add_view(view))
        await asyncio.gather(*(asyncio.create_task(fetch(app)) for _ in range(10)))

    run(main)
    assert said(caplog) == []
