"""engines: from settings, one of each name in a process that serves."""

import asyncio
import os

import pytest
from pyramid.exceptions import ConfigurationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from aiopyramid_core import run
from aiopyramid_sqlalchemy import engine_from_settings, get_engine
from aiopyramid_sqlalchemy._engines import Engines, awaits


def settings(**more):
    return {"sqlalchemy.url": "sqlite+aiosqlite:///data.db", **more}


def started(**more):
    engines = Engines(settings(**more))
    engines.start()
    return engines


class TestSettings:
    def test_without_a_url_there_is_no_engine(self):
        with pytest.raises(ConfigurationError, match=r"The setting sqlalchemy\.url is missing"):
            Engines({"sqlalchemy.pool_size": "5"})

    def test_the_options_are_those_of_engine_from_config(self):
        engine = started(**{"sqlalchemy.pool_size": "3", "sqlalchemy.echo": "false"})["default"]
        assert (engine.pool.size(), engine.echo) == (3, False)

    @pytest.mark.parametrize("driver", ["aiosqlite", "pysqlite"])
    def test_one_of_them_is_the_class_of_the_pool(self, driver):
        more = {"sqlalchemy.url": f"sqlite+{driver}:///data.db", "sqlalchemy.poolclass": NullPool}
        assert isinstance(started(**more)["default"].pool, NullPool)

    def test_a_name_in_a_setting_is_that_of_another_engine(self):
        more = {
            "sqlalchemy.archive.url": "sqlite+aiosqlite:///old.db",
            "sqlalchemy.archive.pool_size": "2",
            "sqlalchemy.pool_size": "3",
        }
        engines = started(**more)
        assert {name: engines[name].pool.size() for name in engines} == {"default": 3, "archive": 2}

    def test_a_name_without_a_url_is_refused(self):
        with pytest.raises(ConfigurationError, match=r"sqlalchemy\.other\.url is missing"):
            Engines(settings())["other"]

    @pytest.mark.parametrize(
        ("url", "is_asyncio"),
        [
            ("sqlite+aiosqlite:///data.db", True),
            ("sqlite:///data.db", False),
            ("postgresql+asyncpg://host/name", True),
            ("postgresql+psycopg://host/name", True),  # it is both, and asyncio is better
        ],
    )
    def test_an_asyncio_driver_is_recognised(self, url, is_asyncio):
        assert awaits(Engines({"sqlalchemy.url": url})["default"]) is is_asyncio


class TestAProcess:
    def test_that_serves_has_pools(self):
        assert not isinstance(started()["default"].pool, NullPool)

    def test_that_does_not_serve_keeps_no_connections(self):
        options = {"sqlalchemy.pool_size": "3"}
        assert isinstance(Engines(settings(**options))["default"].pool, NullPool)
        assert isinstance(engine_from_settings(settings(**options)).pool, NullPool)

    def test_gets_an_engine_once(self):
        engines = started()
        assert engines["default"] is engines["default"]

    def test_that_was_forked_gets_engines_of_its_own(self, database):
        engines = started(**{"sqlalchemy.url": f"sqlite+aiosqlite:///{database}"})
        parents = engines["default"]
        run(query, parents)
        assert parents.pool.checkedin() == 1
        process = os.fork()
        if process == 0:
            engine = engines["default"]
            engines.start()
            is_own = engine is not parents and engines["default"].pool.checkedin() == 0
            os._exit(0 if is_own else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        assert parents.pool.checkedin() == 1
        run(engines.dispose)

    def test_that_stops_closes_its_connections(self, build, serve, models):
        async def view(request):
            return request.dbsession.query(models.User).count()

        app = build({"/": view})

        async def main(fetch):
            await fetch("/")
            engine = get_engine(app.registry)
            pools.append(engine.pool)
            return engine.pool.checkedin()

        pools = []
        assert serve(app, main) == 1
        assert pools[0].checkedin() == 0

    def test_whose_application_was_loaded_before_the_fork_has_no_connection_of_the_parent(
        self, build
    ):
        assert isinstance(get_engine(build().registry).pool, NullPool)


def query(engine):
    with engine.connect() as connection:
        return connection.scalar(text("select count(*) from users"))


class TestWhereverItIsUsed:
    """An engine queries in a plain thread, in the bridge and below SQLAlchemy's own greenlets."""

    @pytest.fixture
    def engine(self, database):
        engines = started(**{"sqlalchemy.url": f"sqlite+aiosqlite:///{database}"})
        yield engines["default"]
        run(engines.dispose)

    def test_in_a_plain_thread(self, engine):
        assert query(engine) == 1

    def test_in_a_script_that_uses_run(self, engine):
        assert run(query, engine) == 1

    def test_in_coroutines_that_await(self, database):
        engine = engine_from_settings({"sqlalchemy.url": f"sqlite+aiosqlite:///{database}"})

        async def main():
            async with AsyncEngine(engine).connect() as connection:
                return await connection.scalar(text("select count(*) from users"))

        assert asyncio.run(main()) == 1

    def test_results_may_be_streamed_in_a_script_that_uses_run(self, engine):
        def stream():
            with engine.connect() as connection:
                result = connection.execution_options(stream_results=True).execute(
                    text("select what from orders order by id")
                )
                return [row.what for row in result]

        assert run(stream) == ["tea", "milk"]
