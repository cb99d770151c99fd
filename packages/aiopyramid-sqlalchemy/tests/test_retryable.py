"""_retryable: errors after which a request is tried again."""

import asyncio
import sqlite3
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import make_transient_to_detached

from aiopyramid_sqlalchemy._retryable import is_retryable


def error(*args, **attributes):
    found = Exception(*args)
    vars(found).update(attributes)
    return found


@pytest.mark.parametrize(
    ("dialect", "raised", "expected"),
    [
        ("postgresql", error(sqlstate="40001"), True),
        ("postgresql", error(sqlstate="40P01"), True),
        ("postgresql", error(pgcode="40001"), True),
        ("postgresql", error(sqlstate="23505"), False),
        ("postgresql", error(), False),
        ("mysql", error(1213, "Deadlock"), True),
        ("mariadb", error(1205, "Lock wait timeout"), True),
        ("mysql", error(1062, "Duplicate"), False),
        ("mysql", error(), False),
        ("sqlite", error(sqlite_errorcode=sqlite3.SQLITE_BUSY), True),
        ("sqlite", error(sqlite_errorcode=sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        ("sqlite", error(sqlite_errorcode=sqlite3.SQLITE_CONSTRAINT), False),
        ("sqlite", error(), False),
        ("oracle", error(SimpleNamespace(code=8177)), True),
        ("oracle", error(SimpleNamespace(code=60)), True),
        ("oracle", error(SimpleNamespace(code=1)), False),
        ("unknown", error(sqlstate="40001"), False),
    ],
)
def test_errors_are_recognised_by_their_codes(dialect, raised, expected):
    assert is_retryable(dialect, raised) is expected


@pytest.mark.parametrize("kind", ["", "/co"])
def test_a_request_is_tried_again_when_the_database_was_locked(
    build, serve, models, names_in, with_tm, kind, database
):
    attempts = []

    def add(request):
        attempts.append(request.environ.get("retry.attempt"))
        if len(attempts) == 2:
            lock.rollback()
        request.dbsession.add(models.User(name=f"bob{len(attempts)}"))
        return {}

    async def add_as_coroutine(request):
        return add(request)

    def configure(config):
        config.include("pyramid_retry")

    views = {"/": add, "/co/": add_as_coroutine}
    url = f"sqlite+aiosqlite:///{database}?timeout=0.01"
    app = build(views, with_tm=with_tm, configure=configure, **{"sqlalchemy.url": url})
    engine = create_engine(f"sqlite:///{database}")
    lock = engine.connect()
    lock.exec_driver_sql("BEGIN IMMEDIATE")

    async def main(fetch):
        return (await fetch(f"{kind}/")).status_int

    assert serve(app, main) == 200
    lock.close()
    engine.dispose()
    assert names_in() == {"ada", "bob2"}


def test_one_whose_row_another_transaction_has_deleted_is_tried_again(
    build, serve, models, with_tm, database
):
    attempts = []

    async def rename(request):
        attempts.append(request)
        user = request.dbsession.query(models.User).filter_by(name="ada").first()
        if len(attempts) == 1:
            # The row is gone by the time of the flush.
            request.dbsession.expunge(user)
            ghost = models.User(id=99, name="ghost")
            make_transient_to_detached(ghost)
            request.dbsession.add(ghost)
            ghost.name = "changed"
        await asyncio.sleep(0)
        return {}

    def configure(config):
        config.include("pyramid_retry")

    app = build({"/": rename}, with_tm=with_tm, configure=configure)

    async def main(fetch):
        return (await fetch("/")).status_int

    assert serve(app, main) == 200
    assert len(attempts) == 2


def test_other_errors_are_not(build, serve, models, with_tm):
    attempts = []

    async def fails(request):
        attempts.append(request)
        request.dbsession.connection().exec_driver_sql("select * from missing")

    def configure(config):
        config.include("pyramid_retry")

    app = build({"/": fails}, with_tm=with_tm, configure=configure)

    async def main(fetch):
        with pytest.raises(OperationalError, match="no such table"):
            await fetch("/")

    serve(app, main)
    assert len(attempts) == 1
