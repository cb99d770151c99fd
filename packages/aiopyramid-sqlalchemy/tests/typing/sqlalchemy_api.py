"""Uses of the public API as mypy sees them: checked by `make lint`, never run.

``assert_type`` says what a type checker has to infer. An ignore marks what it has to refuse: mypy
complains about an ignore that is not needed.
"""

from typing import assert_type

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from aiopyramid_sqlalchemy import (
    NotAnAsyncioDriver,
    SessionEnded,
    SessionInUse,
    SQLAlchemyNotSupported,
    begin_dbsession,
    engine_from_settings,
    get_engine,
    includeme,
)
from aiopyramid_sqlalchemy.testing import rolled_back


async def sessions(registry: object) -> None:
    async with begin_dbsession(registry, "archive") as dbsession:
        assert_type(dbsession, Session)
    with begin_dbsession(registry) as dbsession:
        assert_type(dbsession, Session)


def engines(registry: object) -> None:
    assert_type(get_engine(registry), Engine)
    assert_type(engine_from_settings({"sqlalchemy.url": "sqlite+aiosqlite://"}), Engine)
    engine_from_settings("sqlite+aiosqlite://")  # type: ignore[arg-type]


def errors(error: Exception) -> None:
    if isinstance(error, SessionInUse):
        assert_type(error.in_use_by, str)
    elif isinstance(error, SessionEnded):
        assert_type(error.method, str)
    elif isinstance(error, NotAnAsyncioDriver):
        assert_type(error.alternative, str | None)
    elif isinstance(error, SQLAlchemyNotSupported):
        assert_type(error.version, str)


def test(application: object) -> None:
    with rolled_back(application) as dbsession:
        assert_type(dbsession, Session)


includeme(object())
