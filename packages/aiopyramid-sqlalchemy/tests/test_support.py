"""_support: checks of the installed SQLAlchemy, and of the drivers."""

import logging

import pytest
import sqlalchemy
from greenlet import getcurrent as current
from sqlalchemy.exc import MissingGreenlet

from aiopyramid_core._bridge.pool import BridgeGreenlet
from aiopyramid_sqlalchemy import SQLAlchemyNotSupported, _support
from aiopyramid_sqlalchemy._support import check_sqlalchemy


def test_the_installed_sqlalchemy_waits_in_the_bridge():
    check_sqlalchemy()


def test_one_that_asks_for_another_attribute_is_refused(monkeypatch):
    monkeypatch.delattr(BridgeGreenlet, "__sqlalchemy_greenlet_provider__")
    with pytest.raises(SQLAlchemyNotSupported, match="Install an earlier version") as caught:
        check_sqlalchemy()
    assert caught.value.version == sqlalchemy.__version__
    assert isinstance(caught.value.__cause__, MissingGreenlet)


def test_one_that_waits_in_another_way_is_refused(monkeypatch):
    class Parent:
        @staticmethod
        def switch(awaitable):
            awaitable.close()
            return BridgeGreenlet.driver.__get__(current()).switch(None)

    monkeypatch.setattr(BridgeGreenlet, "parent", Parent)
    with pytest.raises(SQLAlchemyNotSupported):
        check_sqlalchemy()


def test_the_include_checks_it(build, monkeypatch):
    def fail():
        raise SQLAlchemyNotSupported("9.9")

    monkeypatch.setattr("aiopyramid_sqlalchemy._include.check_sqlalchemy", fail)
    with pytest.raises(SQLAlchemyNotSupported, match=r"SQLAlchemy 9\.9"):
        build()


async def coroutine_view(request):
    return {}


def synchronous_view(request):
    return {}


async def nothing(fetch):
    pass


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def test_a_synchronous_driver_is_reported_if_there_are_coroutine_views(
    build, serve, caplog, database
):
    serve(build({"/": coroutine_view}, **{"sqlalchemy.url": f"sqlite:///{database}"}), nothing)
    (message,) = warnings_of(caplog)
    assert "The driver pysqlite of the engine 'default' blocks" in message
    assert "Install aiosqlite, and change the URL to sqlite+aiosqlite://..." in message


def test_it_is_not_if_there_are_none(build, serve, caplog, database):
    serve(build({"/": synchronous_view}, **{"sqlalchemy.url": f"sqlite:///{database}"}), nothing)
    assert warnings_of(caplog) == []


def test_an_asyncio_driver_is_not(build, serve, caplog):
    serve(build({"/": coroutine_view}), nothing)
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("database", ["postgresql", "mysql", "sqlite", "oracle", "mssql"])
def test_each_database_has_an_asyncio_driver_that_sqlalchemy_knows(database):
    driver = _support.asyncio_driver_for(database)
    url = sqlalchemy.make_url(f"{database}+{driver}://")
    assert url.get_dialect().get_async_dialect_cls(url).is_async
