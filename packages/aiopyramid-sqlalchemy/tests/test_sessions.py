"""sessions: ``request.dbsession`` and its relatives, in every kind of request."""

import asyncio
import threading

import pytest
from pyramid.httpexceptions import HTTPConflict
from pyramid.request import Request
from pyramid.response import Response
from pyramid.scripting import prepare
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from aiopyramid_core import await_, run, spawn, spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy import (
    NotAnAsyncioDriver,
    SessionEnded,
    SessionInUse,
    begin_dbsession,
    get_engine,
)


@pytest.fixture
def views(models):
    """Views that do one thing each, as coroutines and as synchronous functions."""
    User = models.User

    def read(request):
        user = request.dbsession.query(User).first()
        return {"user": user.name, "orders": [order.what for order in user.orders]}

    def add(request):
        request.dbsession.add(User(name=request.params["name"]))
        return {"added": request.params["name"]}

    def add_and_raise(request):
        add(request)
        request.dbsession.flush()
        raise HTTPConflict

    views = {"/read": read, "/add": add, "/add_and_raise": add_and_raise}

    def as_coroutine(view):
        async def coroutine(request):
            return view(request)

        return coroutine

    return views | {f"/co{path}": as_coroutine(view) for path, view in views.items()}


each_kind = pytest.mark.parametrize("kind", ["", "/co"])


@each_kind
class TestARequest:
    def test_queries_and_loads_attributes_on_first_use(self, build, views, serve, with_tm, kind):
        app = build(views, with_tm=with_tm)

        async def main(fetch):
            return (await fetch(f"{kind}/read")).json

        assert serve(app, main) == {"user": "ada", "orders": ["tea", "milk"]}

    def test_is_committed(self, build, views, serve, with_tm, kind, names_in):
        app = build(views, with_tm=with_tm)

        async def main(fetch):
            assert (await fetch(f"{kind}/add?name=bob")).json == {"added": "bob"}
            return names_in()  # before the worker stops

        assert serve(app, main) == {"ada", "bob"}

    def test_that_raises_is_rolled_back(self, build, views, serve, with_tm, kind, names_in):
        app = build(views, with_tm=with_tm)

        async def main(fetch):
            return (await fetch(f"{kind}/add_and_raise?name=bob")).status_int

        assert serve(app, main) == 409
        assert names_in() == {"ada"}

    def test_whose_commit_fails_is_answered_with_the_error(
        self, build, views, serve, with_tm, kind, names_in
    ):
        def conflict(error, request):
            return Response(status=409)

        def configure(config):
            config.add_exception_view(conflict, context="sqlalchemy.exc.IntegrityError")

        app = build(views, with_tm=with_tm, configure=configure)

        async def main(fetch):
            return (await fetch(f"{kind}/add?name=ada")).status_int

        assert serve(app, main) == 409

    def test_returns_its_connection(self, build, views, serve, with_tm, kind):
        app = build(views, with_tm=with_tm)

        async def main(fetch):
            for path in ("read", "add?name=bob", "add_and_raise?name=eve"):
                await fetch(f"{kind}/{path}")
            return get_engine(app.registry).pool.checkedout()

        assert serve(app, main) == 0

    def test_that_does_not_ask_for_a_session_needs_no_connection(self, build, serve, with_tm, kind):
        app = build({"/co/x": ask_for_nothing, "/x": lambda request: {}}, with_tm=with_tm)

        async def main(fetch):
            await fetch(f"{kind}/x")
            return get_engine(app.registry).pool.checkedin()

        assert serve(app, main) == 0

    def test_runs_beside_others(self, build, views, serve, with_tm, kind, names_in):
        app = build(views, with_tm=with_tm, **{"sqlalchemy.pool_size": "3"})

        async def main(fetch):
            paths = [f"{kind}/read"] * 30 + [f"{kind}/add?name=n{i}" for i in range(10)]
            answers = await asyncio.gather(*map(fetch, paths))
            return {answer.status_int for answer in answers}

        assert serve(app, main) == {200}
        assert names_in() == {"ada", *(f"n{i}" for i in range(10))}


async def ask_for_nothing(request):
    return {}


def test_the_session_is_an_ordinary_one(build, serve):
    async def view(request):
        return isinstance(request.dbsession, Session)

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}), main) is True


def test_threads_and_the_event_loop_share_the_connections_of_one_pool(build, views, serve):
    app = build(views, **{"sqlalchemy.pool_size": "2", "sqlalchemy.max_overflow": "0"})

    async def main(fetch):
        paths = ["/read", "/co/read"] * 40
        answers = await asyncio.gather(*map(fetch, paths))
        pool = get_engine(app.registry).pool
        return {answer.status_int for answer in answers}, pool.checkedin(), pool.checkedout()

    assert serve(app, main) == ({200}, 2, 0)


def test_under_a_server_with_threads_it_is_the_same(build, views, names_in, with_tm, no_warnings):
    app = build(views, with_tm=with_tm)

    def get(path):
        return Request.blank(path).get_response(app)

    for kind in ("", "/co"):
        assert get(f"{kind}/read").json == {"user": "ada", "orders": ["tea", "milk"]}
        assert get(f"{kind}/add?name=bob{len(kind)}").status_int == 200
        assert get(f"{kind}/add_and_raise?name=eve").status_int == 409
    assert names_in() == {"ada", "bob0", "bob3"}
    run(lifespan_of(app.registry).stop)


def test_a_request_that_is_cancelled_is_rolled_back_and_returns_its_connection(
    build, serve, models, names_in, with_tm
):
    waiting = asyncio.Event()

    async def view(request):
        request.dbsession.add(models.User(name="late"))
        request.dbsession.flush()
        waiting.set()
        await asyncio.sleep(60)

    app = build({"/": view}, with_tm=with_tm)

    async def main(fetch):
        request = asyncio.ensure_future(fetch("/"))
        await waiting.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        return get_engine(app.registry).pool.checkedout()

    assert serve(app, main) == 0
    assert names_in() == {"ada"}


# --- The same session, to be awaited --------------------------------------------------------------


def test_the_async_session_is_in_the_same_transaction(build, serve, models, with_tm, names_in):
    async def view(request):
        request.dbsession.add(models.User(name="bob"))
        seen = await request.async_dbsession.scalars(select(models.User.name))
        request.async_dbsession.add(models.User(name="eve"))
        await request.async_dbsession.flush()
        return sorted(seen), request.async_dbsession.sync_session is request.dbsession

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}, with_tm=with_tm), main) == [["ada", "bob"], True]
    assert names_in() == {"ada", "bob", "eve"}


def test_the_async_session_needs_an_asyncio_driver(build, serve, database):
    async def view(request):
        with pytest.raises(NotAnAsyncioDriver, match="Install aiosqlite and name it"):
            _ = request.async_dbsession
        return "refused"

    app = build({"/": view}, **{"sqlalchemy.url": f"sqlite:///{database}"})

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(app, main) == "refused"


# --- One thing at a time --------------------------------------------------------------------------


def test_two_tasks_that_use_one_session_at_once_are_told(build, serve, models):
    async def view(request):
        async def count():
            return len((await request.async_dbsession.scalars(select(models.User))).all())

        results = await asyncio.gather(count(), count(), return_exceptions=True)
        again = await count()
        return [type(result).__name__ for result in results], again

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}), main) == [["int", "SessionInUse"], 1]


def test_two_tasks_in_greenlets_are_told_as_well(build, serve, models):
    async def view(request):
        async def count():
            return request.dbsession.query(models.User).count()

        results = await asyncio.gather(count(), count(), return_exceptions=True)
        return [type(result).__name__ for result in results]

    async def main(fetch):
        return (await fetch("/")).json

    app = build({"/": view}, **{"aiopyramid.tasks_can_wait": "true"})
    assert serve(app, main) == ["int", "SessionInUse"]


def test_a_task_without_a_greenlet_is_told_to_await(build, serve, models):
    async def view(request):
        async def count():
            return request.dbsession.query(models.User).count()

        (result,) = await asyncio.gather(count(), return_exceptions=True)
        return str(result)

    async def main(fetch):
        return (await fetch("/")).json

    message = serve(build({"/": view}), main)
    assert "Await the methods of request.async_dbsession" in message


def test_an_event_of_a_session_may_use_the_session(build, serve, models):
    async def view(request):
        seen = []
        event.listen(
            request.dbsession,
            "before_flush",
            lambda session, context, instances: seen.append(session.query(models.User).count()),
        )
        request.dbsession.add(models.User(name="bob"))
        request.dbsession.flush()
        return seen

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}), main) == [1]


def test_the_error_names_both_methods():
    message = str(SessionInUse("execute", "flush"))
    assert "execute()" in message
    assert "flush()" in message
    assert "begin_dbsession" in message


def test_a_session_cannot_be_used_after_its_request(build, serve, models):
    async def view(request):
        request.dbsession.query(models.User).count()
        sessions.append(request.dbsession)
        return {}

    sessions = []

    async def main(fetch):
        await fetch("/")
        with pytest.raises(SessionEnded, match="its request has ended"):
            sessions[0].query(models.User).count()

    serve(build({"/": view}), main)


# --- Subrequests ----------------------------------------------------------------------------------


def another_request(request):
    return Request.blank("/co/add?name=bob")


def copied_request(request):
    environ = request.environ | {"PATH_INFO": "/co/add", "QUERY_STRING": "name=bob"}
    for name in ("webob._parsed_query_vars", "webob._parsed_cookies"):
        environ.pop(name, None)
    return Request(environ)


@pytest.mark.parametrize("make", [another_request, copied_request])
def test_a_subrequest_without_tweens_is_a_part_of_its_request(
    build, serve, views, models, with_tm, names_in, make
):
    async def whole(request):
        part = make(request)
        part.registry = request.registry
        await asyncio.sleep(0)
        request.invoke_subrequest(part)
        request.dbsession.flush()
        return request.dbsession.query(models.User).count()

    async def fails(request):
        await whole(request)
        raise HTTPConflict

    app = build(views | {"/whole": whole, "/fails": fails}, with_tm=with_tm)

    async def main(fetch):
        assert (await fetch("/fails")).status_int == 409
        before = names_in()
        return before, (await fetch("/whole")).json

    assert serve(app, main) == ({"ada"}, 2)
    assert names_in() == {"ada", "bob"}


def test_a_subrequest_with_tweens_commits_for_itself(build, serve, views, with_tm, names_in):
    async def whole(request):
        part = Request.blank("/co/add?name=bob")
        request.invoke_subrequest(part, use_tweens=True)
        raise HTTPConflict

    app = build(views | {"/whole": whole}, with_tm=with_tm)

    async def main(fetch):
        return (await fetch("/whole")).status_int

    assert serve(app, main) == 409
    assert names_in() == {"ada", "bob"}


# --- Longer than a request, or without one --------------------------------------------------------


def test_a_background_task_has_a_session_of_its_own(build, serve, models, with_tm, names_in):
    async def add(registry, name, error=None):
        async with begin_dbsession(registry) as dbsession:
            dbsession.add(models.User(name=name))
            dbsession.flush()
            if error:
                done.set()
                raise error

    async def view(request):
        spawn(add(request.registry, "bob"))
        spawn(add(request.registry, "eve", LookupError()))
        return {}

    done = asyncio.Event()
    app = build({"/": view}, with_tm=with_tm)

    async def main(fetch):
        await fetch("/")
        await done.wait()

    serve(app, main)
    assert names_in() == {"ada", "bob"}


def test_a_request_begins_one_by_a_method(build, serve, models, names_in):
    async def view(request):
        async with request.begin_dbsession() as dbsession:
            dbsession.add(models.User(name="bob"))
        raise HTTPConflict

    async def main(fetch):
        return (await fetch("/")).status_int

    assert serve(build({"/": view}), main) == 409
    assert names_in() == {"ada", "bob"}


def test_a_thread_has_one_too(build, serve, models, names_in):
    def view(request):
        with request.begin_dbsession() as dbsession:
            dbsession.add(models.User(name=threading.current_thread().name))
        return threading.current_thread().name

    async def main(fetch):
        return (await fetch("/")).json

    name = serve(build({"/": view}), main)
    assert names_in() == {"ada", name}


def test_a_task_without_a_greenlet_can_commit(build, serve, models, names_in):
    async def view(request):
        async def add():
            async with request.begin_dbsession() as dbsession:
                dbsession.add(models.User(name="bob"))

        await asyncio.gather(add())
        return {}

    async def main(fetch):
        await fetch("/")

    serve(build({"/": view}), main)
    assert names_in() == {"ada", "bob"}


def test_a_script_has_a_session(build, models, names_in, no_warnings, with_tm):
    app = build(with_tm=with_tm)
    with prepare(registry=app.registry) as env:
        request = env["request"]
        if with_tm:
            with request.tm:
                user = request.dbsession.query(models.User).first()
                assert [order.what for order in user.orders] == ["tea", "milk"]
                request.dbsession.add(models.User(name="bob"))
        else:
            request.dbsession.add(models.User(name="bob"))
            request.dbsession.commit()
    with begin_dbsession(app.registry) as dbsession:
        dbsession.add(models.User(name="eve"))
    assert names_in() == {"ada", "bob", "eve"}


# --- Options --------------------------------------------------------------------------------------


def test_sessions_are_made_with_the_options_of_the_application(build, serve, models):
    class OwnSession(Session):
        def count(self):
            return self.query(models.User).count()

    async def view(request):
        return request.dbsession.count(), request.dbsession.expire_on_commit

    def configure(config):
        config.set_dbsession_options(class_=OwnSession, expire_on_commit=False)

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}, configure=configure), main) == [1, False]


def test_engines_have_names(build, serve, models, tmp_path, names_in):
    other = create_engine(f"sqlite:///{tmp_path}/other.db")
    models.Base.metadata.create_all(other)

    async def view(request):
        request.dbsessions["archive"].add(models.User(name="old"))
        return request.dbsession is request.dbsessions["default"]

    async def main(fetch):
        return (await fetch("/")).json

    settings = {"sqlalchemy.archive.url": f"sqlite+aiosqlite:///{tmp_path}/other.db"}
    assert serve(build({"/": view}, **settings), main) is True
    with other.connect() as connection:
        assert connection.exec_driver_sql("select name from users").scalars().all() == ["old"]
    other.dispose()
    assert names_in() == {"ada"}


def test_a_session_that_the_environ_has_is_used(build, serve):
    async def view(request):
        return request.dbsession

    app = build({"/": view})
    request = Request.blank("/", environ={"app.dbsession": "given by a test"})
    request.registry = app.registry

    async def main(fetch):
        return (await spawn_greenlet(request.get_response, app)).json

    assert serve(app, main) == "given by a test"


def test_await_works_beside_it(build, serve, models):
    def view(request):
        await_(asyncio.sleep(0))
        return request.dbsession.query(models.User).count()

    async def main(fetch):
        return (await fetch("/")).json

    assert serve(build({"/": view}), main) == 1
