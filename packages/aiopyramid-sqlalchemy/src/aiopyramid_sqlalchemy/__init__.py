"""SQLAlchemy's ordinary sessions in Pyramid applications on asyncio.

Include this package (``config.include("aiopyramid_sqlalchemy")``). ``README.md`` is the
introduction; the modules in reading order:

``_on_loop``
    Connections of asyncio drivers, which belong to the event loop, for code that runs elsewhere.
``_engines``
    The engines of an application: from its settings, one of each name in a process.
``_retryable``
    Errors of the database after which a request may be tried again.
``_session``
    A ``Session`` that is used by one task at a time, and no longer than its request.
``_sessions``
    The sessions of a request, and sessions of everything else.
``_tween``
    The commit, in applications without ``pyramid_tm``.
``_support``, ``_include``
    How this package becomes part of an application.
``testing``
    Transactions of tests, which are rolled back.
``exceptions``
    The tree of all exceptions.
"""

from ._engines import engine_from_settings, get_engine
from ._include import includeme
from ._sessions import begin_dbsession
from .exceptions import NotAnAsyncioDriver, SessionEnded, SessionInUse, SQLAlchemyNotSupported

__all__ = (
    "NotAnAsyncioDriver",
    "SQLAlchemyNotSupported",
    "SessionEnded",
    "SessionInUse",
    "begin_dbsession",
    "engine_from_settings",
    "get_engine",
    "includeme",
)
