"""Errors of the database after which a request may be tried again, marked for ``pyramid_retry``.

A transaction that the database has aborted because of another one, a serialisation failure or a
deadlock, usually succeeds the second time. ``zope.sqlalchemy`` knows such errors of psycopg, and of
none of the asyncio drivers. Here they are recognised by their codes, whatever the driver.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.orm.exc import StaleDataError

try:
    from pyramid_retry import mark_error_retryable
except ImportError:

    def mark_error_retryable(error: BaseException) -> None:
        """Do nothing, because nothing tries a request again."""


__all__ = ("is_retryable", "mark_if_retryable", "mark_retryable_errors")


def mark_retryable_errors(engine: Engine) -> None:
    """Mark errors of an engine's connections when they occur, so that requests are tried again.

    Args:
        engine: The engine.
    """
    event.listen(engine, "handle_error", _mark)


def _mark(context: ExceptionContext) -> None:
    if is_retryable(context.dialect.name, context.original_exception):
        mark_error_retryable(context.sqlalchemy_exception or context.original_exception)


def mark_if_retryable(error: BaseException) -> None:
    """Mark an error of the ORM: another transaction has changed or deleted the row.

    Args:
        error: An exception that a request has raised.
    """
    if isinstance(error, StaleDataError):
        mark_error_retryable(error)


def is_retryable(dialect: str, error: BaseException) -> bool:
    """Return whether the same transaction may succeed if it is tried again.

    Args:
        dialect: The name of the database, ``engine.dialect.name``.
        error: The driver's exception.
    """
    recognise = _RECOGNISE.get(dialect)
    return recognise is not None and recognise(error)


def _postgresql(error: Any) -> bool:
    # Class 40, "Transaction Rollback" (PostgreSQL, "Error Codes"). psycopg2 calls it pgcode.
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return isinstance(state, str) and state.startswith("40")


def _mysql(error: Any) -> bool:
    # ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK (MySQL, "Server Error Message Reference").
    return bool(error.args) and error.args[0] in (1205, 1213)


def _sqlite(error: Any) -> bool:
    # The low byte of SQLITE_BUSY and its extended codes (SQLite, "Result and Error Codes").
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == 5


def _oracle(error: Any) -> bool:
    # ORA-00060, deadlock; ORA-08177, can't serialize access.
    return bool(error.args) and getattr(error.args[0], "code", None) in (60, 8177)


_RECOGNISE: Final[dict[str, Callable[[Any], bool]]] = {
    "mariadb": _mysql,
    "mysql": _mysql,
    "oracle": _oracle,
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}
