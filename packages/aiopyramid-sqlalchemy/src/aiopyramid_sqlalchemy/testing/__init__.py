"""Transactions of tests, which are rolled back.

``pytest_plugin`` turns them into a fixture. This module does not depend on pytest.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from .._engines import engines_of
from .._on_loop import on_loop
from .._session import RequestSession
from .._sessions import CONNECTIONS, make_session

__all__ = ("rolled_back",)


@contextlib.contextmanager
def rolled_back(application: Any) -> Iterator[Session]:
    """Run all requests of an application in one transaction, and roll it back at the end.

    The requests are real ones, in this process, one at a time. Each of them commits or rolls back
    as ever, but only up to a savepoint of the outer transaction. ::

        with rolled_back(application) as dbsession:
            dbsession.add(User(name="ada"))
            dbsession.commit()
            assert TestApp(application).get("/users").json == ["ada"]

    Args:
        application: A WSGI application that includes ``aiopyramid_sqlalchemy``.

    Yields:
        A session in the same transaction, for what a test prepares and looks up. A request sees
        what it has committed.
    """
    registry = application.registry
    engines = engines_of(registry)
    with contextlib.ExitStack() as stack:
        connections = {}
        for name in engines:
            connection = stack.enter_context(engines[name].connect())
            stack.enter_context(_transaction(connection))
            connections[name] = connection
        registry[CONNECTIONS] = connections
        session: RequestSession = make_session(registry)
        try:
            yield session
        finally:
            session.end()
            del registry[CONNECTIONS]


@contextlib.contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        if connection.dialect.name == "sqlite":
            # Python's driver begins a transaction only before it writes, not before a savepoint
            # (SQLAlchemy, "Serializable isolation / Savepoints / Transactional DDL").
            driver = connection.connection.dbapi_connection
            on_loop(setattr, driver, "isolation_level", None)
            stack.callback(on_loop, setattr, driver, "isolation_level", "")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.begin()
        stack.callback(connection.rollback)
        yield
