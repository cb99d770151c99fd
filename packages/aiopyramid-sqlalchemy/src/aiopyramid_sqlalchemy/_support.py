"""Checks of what an application runs with."""

import logging
from typing import Any

import sqlalchemy
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.util import await_only

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.callables import called_by, is_coroutine_callable

from ._engines import Engines, asyncio_driver_for, awaits
from .exceptions import SQLAlchemyNotSupported

__all__ = ("check_sqlalchemy", "warn_of_blocking_drivers")

_log = logging.getLogger("aiopyramid_sqlalchemy")


def check_sqlalchemy() -> None:
    """Check that code of SQLAlchemy can wait in a greenlet of the bridge.

    Raises:
        SQLAlchemyNotSupported: It cannot.
    """
    waiting = spawn_greenlet(lambda: await_only(_nothing()))
    try:
        # Nothing in it waits for an event loop, so that none is needed.
        waiting.send(None)
    except StopIteration:
        return
    except MissingGreenlet as error:
        raise SQLAlchemyNotSupported(sqlalchemy.__version__) from error
    waiting.close()
    raise SQLAlchemyNotSupported(sqlalchemy.__version__)


async def _nothing() -> None:
    """Take no time."""


def warn_of_blocking_drivers(registry: Any, engines: Engines) -> None:
    """Log a warning for each engine that would hold up the coroutine views of an application.

    Args:
        registry: The application's registry.
        engines: Its engines.
    """
    blocking = [name for name in engines if not awaits(engines[name])]
    if not blocking or not _has_coroutine_views(registry):
        return
    for name in blocking:
        dialect = engines[name].dialect
        alternative = asyncio_driver_for(dialect.name)
        remedy = (
            f"Install {alternative}, and change the URL to {dialect.name}+{alternative}://..."
            if alternative
            else "Query in threads, with call_in_thread()"
        )
        _log.warning(
            "The driver %s of the engine %r blocks: coroutine views that query it hold up all"
            " other requests. %s",
            dialect.driver,
            name,
            remedy,
        )


def _has_coroutine_views(registry: Any) -> bool:
    views = registry.introspector.get_category("views") or ()
    return any(
        is_coroutine_callable(called_by(view["callable"], view["attr"]))
        for view in (entry["introspectable"] for entry in views)
        if view["callable"] is not None
    )
