"""Two engines in one request: with ``twophase=True`` both commit or none."""

import asyncio
import uuid

import asyncpg
import pytest
from pyramid.config import Configurator
from sqlalchemy import ForeignKey, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from webob import Request

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_sqlalchemy import get_engine

NAMES = ["default", "archive"]


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    # Checked by the commit.
    answer_to: Mapped[int | None] = mapped_column(
        ForeignKey("notes.id", deferrable=True, initially="DEFERRED")
    )


def write(request):
    for name in NAMES:
        missing = 99 if name == request.params.get("fails") else None
        request.dbsessions[name].add(Note(answer_to=missing))
    return {}


async def write_as_coroutine(request):
    return write(request)


@pytest.fixture
def urls(postgres):
    """The URLs of two empty databases."""
    names = [f"test_{uuid.uuid4().hex}" for _ in NAMES]

    async def create(host):
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
        for name in names:
            await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create(postgres.partition("host=")[2]))
    return [postgres.format(database=name) for name in names]


@pytest.mark.parametrize("includes_tm", [False, True])
def test_all_engines_commit_or_none(urls, includes_tm):
    settings = {"sqlalchemy.url": urls[0], "sqlalchemy.archive.url": urls[1]}
    with Configurator(
        settings=settings | {"tm.manager_hook": "pyramid_tm.explicit_manager"}
    ) as config:
        if includes_tm:
            config.include("pyramid_tm")
        config.include("aiopyramid_sqlalchemy")
        config.set_dbsession_options(twophase=True)
        for view in (write, write_as_coroutine):
            config.add_route(view.__name__, f"/{view.__name__}")
            config.add_view(view, route_name=view.__name__, renderer="json")
        app = config.make_wsgi_app()

    def count():
        """Return the number of rows in each database, and of transactions that are prepared."""
        counts = []
        for name in NAMES:
            with get_engine(app.registry, name).connect() as connection:
                counts.append(connection.scalar(text("select count(*) from notes")))
        with get_engine(app.registry).connect() as connection:
            counts.append(connection.scalar(text("select count(*) from pg_prepared_xacts")))
        return counts

    async def main():
        lifespan = lifespan_of(app.registry)
        await lifespan.start()
        for name in NAMES:
            await spawn_greenlet(Base.metadata.create_all, get_engine(app.registry, name))
        for path in ("/write", "/write_as_coroutine"):
            for name in NAMES:
                failing = Request.blank(f"{path}?fails={name}")
                with pytest.raises(IntegrityError):
                    await spawn_greenlet(failing.get_response, app)
            await spawn_greenlet(Request.blank(path).get_response, app)
        counts = await spawn_greenlet(count)
        await lifespan.stop()
        return counts

    assert asyncio.run(main()) == [2, 2, 0]
