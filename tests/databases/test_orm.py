"""SQLAlchemy, unmodified: one suite of its features, in every kind of request, on each database."""

import asyncio
import json
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

sys.path.append(str(Path(__file__).parent / "site"))

from shop.features import FEATURES
from shop.models import Base

SERVERS = ["gunicorn", "waitress"]
KINDS = ["in_coroutine", "in_thread", "in_task", "in_websocket"]
DATABASES = ["sqlite", "postgresql+asyncpg"]
COMPLAINTS = ["Traceback", "RuntimeWarning", "SAWarning", "never awaited", "non-checked-in"]


@pytest.fixture(scope="module")
def expected():
    """The result of each feature with a synchronous driver, without any server."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    results = {}
    for name, function in FEATURES.items():
        with Session(engine) as session:
            results[name] = json.loads(json.dumps(function(session, "tag")))
    engine.dispose()
    return results


@pytest.fixture(scope="module")
def new_url(request, tmp_path_factory):
    """Make an empty database and return its URL, for an asyncio driver."""

    async def create(host, name):
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    def new_url(kind):
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database')}/data.db"
        url = request.getfixturevalue("postgres").replace("postgresql+asyncpg", kind)
        name = f"test_{uuid.uuid4().hex}"
        asyncio.run(create(url.partition("host=")[2], name))
        return url.format(database=name)

    return new_url


@pytest.fixture(scope="module")
def running(serve, new_url):
    with ExitStack() as stack:
        servers = {}

        def running(server, database, **settings):
            key = server, database, *settings.items()
            if key not in servers:
                settings = {
                    "sqlalchemy.url": new_url(database),
                    "tm.manager_hook": "pyramid_tm.explicit_manager",
                    "aiopyramid.tasks_can_wait": "true",
                    **settings,
                }
                servers[key] = stack.enter_context(serve(server, "shop.application", settings))
            return servers[key]

        yield running


async def ask(served, session, kind, name):
    path = f"/{kind}/{name}"
    if kind != "in_websocket":
        return await served.ok(session, path)
    async with session.ws_connect(served.site + path) as ws:
        message = await ws.receive(timeout=60)
    assert isinstance(message.data, str), f"{path}: {message}\n{served.output}"
    return json.loads(message.data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("database", DATABASES)
def test_each_feature_gives_the_same_result(running, clients, expected, database, server, kind):
    if (server, kind) == ("waitress", "in_websocket"):
        pytest.skip("waitress hands no connection over")
    served = running(server, database)

    async def main(session):
        return {name: await ask(served, session, kind, name) for name in FEATURES}

    results = clients(main)
    assert results == expected
    for complaint in COMPLAINTS:
        assert complaint not in served.output


def test_without_pyramid_tm_and_with_another_driver_it_is_the_same(running, clients, expected):
    served = running("gunicorn", "postgresql+psycopg", **{"tm.manager_hook": ""})

    async def main(session):
        return {
            kind: {name: await ask(served, session, kind, name) for name in FEATURES}
            for kind in ("in_coroutine", "in_thread")
        }

    assert clients(main) == {"in_coroutine": expected, "in_thread": expected}


def test_features_side_by_side_give_the_same_results(running, clients, expected):
    served = running("gunicorn", "postgresql+asyncpg")
    jobs = [(kind, name) for kind in KINDS for name in FEATURES]

    async def main(session):
        return await asyncio.gather(*(ask(served, session, *job) for job in jobs))

    results = clients(main)
    assert results == [expected[name] for _, name in jobs]
