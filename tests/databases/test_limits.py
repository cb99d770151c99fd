"""The limits that ``docs/sqlalchemy.md`` names, on PostgreSQL with asyncpg."""

import asyncio

import pytest
from pyramid.config import Configurator
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ResourceClosedError
from webob import Request
from zope.sqlalchemy import mark_changed

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy import SessionEnded


@pytest.fixture
def call(postgres):
    """Call a function as a coroutine view, and return its result."""

    def call(function, *, includes_tm=False):
        async def view(request):
            return function(request)

        settings = {
            "sqlalchemy.url": postgres.format(database="postgres"),
            "tm.manager_hook": "pyramid_tm.explicit_manager",
        }
        with Configurator(settings=settings) as config:
            if includes_tm:
                config.include("pyramid_tm")
            config.include("aiopyramid_sqlalchemy")
            config.add_route("view", "/")
            config.add_view(view, route_name="view", renderer="json")
            app = config.make_wsgi_app()

        async def main():
            lifespan = lifespan_of(app.registry)
            await lifespan.start()
            try:
                return (await spawn_greenlet(Request.blank("/").get_response, app)).json
            finally:
                await lifespan.stop()

        return asyncio.run(main())

    return call


def test_a_time_limit_around_a_query_ends_the_connection_of_the_session(call):
    def view(request):
        dbsession = request.dbsession
        dbsession.execute(text("select 1"))  # connects, which would be limited, too

        async def limited():
            async with asyncio.timeout(0.1):
                dbsession.execute(text("select pg_sleep(60)"))

        with pytest.raises(TimeoutError):
            await_(limited())
        with pytest.raises(PendingRollbackError):
            dbsession.execute(text("select 1"))
        dbsession.rollback()
        return dbsession.scalar(text("select 1"))

    assert call(view) == 1


def test_an_error_has_the_code_of_the_database(call):
    def view(request):
        request.dbsession.execute(text("set local statement_timeout = 10"))
        with pytest.raises(DBAPIError) as caught:
            request.dbsession.execute(text("select pg_sleep(60)"))
        request.dbsession.rollback()
        return [type(caught.value).__name__, caught.value.orig.sqlstate]

    assert call(view) == ["DBAPIError", "57014"]


def test_the_connection_of_the_driver_has_coroutines(call):
    def view(request):
        connection = request.dbsession.connection().connection.driver_connection
        return await_(connection.fetchval("select 7"))

    assert call(view) == 7


def test_a_finished_callback_comes_after_the_session(call):
    def view(request):
        def callback(request):
            with pytest.raises(SessionEnded):
                request.dbsession.execute(text("select 1"))
            called.append(request)

        request.dbsession.execute(text("select 1"))
        request.add_finished_callback(callback)

    called = []
    call(view)
    assert called


def test_with_pyramid_tm_a_view_does_not_commit(call):
    def view(request):
        request.dbsession.execute(text("select 1"))
        with pytest.raises(AssertionError, match="committed using the transaction manager"):
            request.dbsession.commit()

    call(view, includes_tm=True)


@pytest.mark.parametrize("method", ["close", "rollback"])
def test_with_pyramid_tm_a_view_does_not_end_the_session(call, method):
    def view(request):
        request.dbsession.execute(text("select 1"))
        getattr(request.dbsession, method)()
        request.dbsession.execute(text("select 1"))
        mark_changed(request.dbsession)

    with pytest.raises(ResourceClosedError):
        call(view, includes_tm=True)


@pytest.mark.parametrize("marks", [False, True])
def test_with_pyramid_tm_other_sql_is_committed_if_it_is_marked(call, marks):
    def write(request):
        request.dbsession.execute(text("create table if not exists marked (a int)"))
        request.dbsession.execute(text("truncate marked"))
        mark_changed(request.dbsession)

    def insert(request):
        request.dbsession.execute(text("insert into marked values (1)"))
        if marks:
            mark_changed(request.dbsession)

    call(write, includes_tm=True)
    call(insert, includes_tm=True)
    rows = call(lambda request: request.dbsession.scalar(text("select count(*) from marked")))
    assert rows == int(marks)
