"""Requests that are cancelled: what they have written is in the database as a whole, or not."""

import asyncio
import threading

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_sqlalchemy import begin_dbsession, get_engine


class Gate:
    """A place at which a request waits.

    Attributes:
        reached: The request waits here.
        opened: It may continue.
        ended: It has ended, in its thread as well.
    """

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.ended = threading.Event()

    def wait(self, *ignored):
        self.reached.set()
        await_(until(self.opened))


async def until(event):
    while not event.is_set():
        await asyncio.sleep(0.001)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def archive(models, tmp_path):
    """The settings of a second engine, and a function that returns the names in its database."""
    engine = create_engine(f"sqlite:///{tmp_path}/archive.db")
    models.Base.metadata.create_all(engine)

    def names():
        with engine.connect() as connection:
            return set(connection.exec_driver_sql("select name from users").scalars())

    yield {"sqlalchemy.archive.url": f"sqlite+aiosqlite:///{tmp_path}/archive.db"}, names
    engine.dispose()


each_kind = pytest.mark.parametrize("kind", ["synchronous", "coroutine"])


@pytest.fixture
def write(models, kind, gate):
    """A view that writes into two databases."""

    def write(request):
        for name in ("default", "archive"):
            request.dbsessions[name].add(models.User(name="bob"))
        request.add_finished_callback(lambda request: gate.ended.set())
        return {}

    async def write_as_coroutine(request):
        return write(request)

    return write_as_coroutine if kind == "coroutine" else write


async def cancel(request, gate):
    """Cancel a request that waits at a gate, and open the gate."""
    await until(gate.reached)
    for _ in range(3):  # by a time limit and the stop of the server, for example
        request.cancel()
        await asyncio.sleep(0.01)
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await request
    await until(gate.ended)


@each_kind
@pytest.mark.parametrize("at", ["default", "archive"])
def test_a_commit_under_way_commits_all_sessions(
    build, serve, write, names_in, archive, with_tm, gate, at
):
    settings, names_in_archive = archive
    app = build({"/": write}, with_tm=with_tm, **settings)

    async def main(fetch):
        event.listen(get_engine(app.registry, at), "commit", gate.wait)
        await cancel(asyncio.ensure_future(fetch("/")), gate)
        return [get_engine(app.registry, name).pool.checkedout() for name in ("default", "archive")]

    assert serve(app, main) == [0, 0]
    assert names_in() == {"ada", "bob"}
    assert names_in_archive() == {"bob"}


@each_kind
def test_a_rollback_under_way_keeps_the_connections(
    build, serve, write, names_in, archive, with_tm, gate
):
    settings, names_in_archive = archive

    def fails(request, response):
        for session in request.dbsessions.values():
            session.flush()
        raise LookupError

    def configure(config):
        config.add_view_deriver(lambda view, info: lambda c, r: fails(r, view(c, r)), "fails")

    app = build({"/": write}, with_tm=with_tm, configure=configure, **settings)

    async def main(fetch):
        event.listen(get_engine(app.registry), "rollback", gate.wait)
        await cancel(asyncio.ensure_future(fetch("/")), gate)
        return [get_engine(app.registry, name).pool.checkedin() for name in ("default", "archive")]

    assert serve(app, main) == [1, 1]
    assert names_in() == {"ada"}
    assert names_in_archive() == set()


@pytest.mark.parametrize("at", ["commit", "rollback"])
def test_the_session_of_a_task_that_is_cancelled_ends_as_it_would_have(
    build, serve, models, names_in, gate, at
):
    app = build()

    async def task():
        try:
            async with begin_dbsession(app.registry) as dbsession:
                dbsession.add(models.User(name="bob"))
                dbsession.flush()
                if at == "rollback":
                    raise LookupError
        finally:
            gate.ended.set()

    async def main(fetch):
        event.listen(get_engine(app.registry), at, gate.wait)
        await cancel(asyncio.ensure_future(spawn_greenlet(await_, task())), gate)
        pool = get_engine(app.registry).pool
        return pool.checkedout(), pool.checkedin()

    assert serve(app, main) == (0, 1)
    assert names_in() == ({"ada", "bob"} if at == "commit" else {"ada"})


# --- Connections ----------------------------------------------------------------------------------


@each_kind
def test_a_connection_that_is_closed_in_the_middle_of_its_checkout_is_not_lost(
    build, serve, kind, gate, monkeypatch
):
    def view(request):
        request.add_finished_callback(lambda request: gate.ended.set())
        request.dbsession.connection()
        return {}

    async def view_as_coroutine(request):
        return view(request)

    views = {"/": view_as_coroutine if kind == "coroutine" else view}
    app = build(views, **{"sqlalchemy.pool_pre_ping": "true"})

    async def main(fetch):
        await fetch("/")
        gate.ended.clear()
        engine = get_engine(app.registry)
        engine.dialect.do_ping = lambda connection: False  # as after a restart of the database
        # The cancellation is raised before another connection is begun.
        event.listen(engine, "do_connect", lambda *ignored: await_(asyncio.sleep(0)))
        for name in {"close", "terminate"} & set(dir(AsyncAdapt_aiosqlite_connection)):
            close = getattr(AsyncAdapt_aiosqlite_connection, name)
            monkeypatch.setattr(
                AsyncAdapt_aiosqlite_connection,
                name,
                lambda c, close=close: gate.wait() or close(c),
            )
        await cancel(asyncio.ensure_future(fetch("/")), gate)
        return engine.pool.checkedout()

    assert serve(app, main) == 0


def test_a_thread_that_is_cancelled_returns_its_connection(build, serve, gate):
    def view(request):
        with get_engine(request.registry).connect() as connection:
            connection.exec_driver_sql("select 1")
            gate.reached.set()
            gate.opened.wait(60)  # and the cancellation for the next wait
        gate.ended.set()

    app = build({"/": view})

    async def main(fetch):
        await cancel(asyncio.ensure_future(fetch("/")), gate)
        return get_engine(app.registry).pool.checkedout()

    assert serve(app, main) == 0
