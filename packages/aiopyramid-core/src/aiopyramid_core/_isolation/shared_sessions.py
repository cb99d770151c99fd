"""Detection of SQLAlchemy sessions that coroutine requests share, such as a ``scoped_session``.

By default a ``scoped_session`` has one session per thread, and all coroutine requests have the same
thread: one request commits or rolls back the writes of another. No response shows this, so it is
logged as soon as it happens.

It uses SQLAlchemy's own events (SQLAlchemy, "ORM Events"), for all sessions of the process.
Imported only if SQLAlchemy is in use.
"""

import logging
import time
from typing import Any, Final
from urllib.parse import quote

from pyramid.threadlocal import get_current_request
from sqlalchemy import event
from sqlalchemy.orm import Session

from .scope import CoroutineRequestScope, scope_here

__all__ = ("watch_sessions",)

_log = logging.getLogger("aiopyramid_core")

_KEY: Final = "aiopyramid.used_by"
"""Key in a session's ``info``: the scope in which it was last used, and the path of the request."""

_SILENCE_SECONDS: Final = 10.0
"""How long the log does not repeat the error, which may concern many requests a second."""

_said_at = float("-inf")


def watch_sessions() -> None:
    """Start to watch the sessions of this process; later calls change nothing."""
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)


def _look(session: Session) -> None:
    scope = scope_here()
    if type(scope) is not CoroutineRequestScope:
        return
    before = session.info.get(_KEY)
    # Compared by key, because a session with scopefunc may serve a later request with the same key.
    if before is None or before[0] != scope.key:
        path = _path()
        session.info[_KEY] = (scope.key, path)
        if before is not None:
            _say(before[1], path)


def _path() -> str:
    """Return the path of the current request, not quoted."""
    # Not request.path, which quotes it, nearly always in vain.
    environ = getattr(get_current_request(), "environ", None) or {}
    return f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}" or "unknown"


def _say(first: str, second: str) -> None:
    global _said_at
    now = time.monotonic()
    if now - _said_at < _SILENCE_SECONDS:
        return
    _said_at = now
    _log.error(
        "Coroutine requests share a SQLAlchemy session (%s, %s): what one of them writes, another"
        " one commits or loses. A scoped_session needs scopefunc=aiopyramid_core.request_scope;"
        " any other session has to be made for each request",
        _quoted(first),
        _quoted(second),
    )


def _quoted(path: str) -> str:
    return quote(path, safe="/~!$&'()*+,;=:@", encoding="latin-1", errors="replace")


def _began(session: Session, transaction: Any, connection: Any) -> None:
    _look(session)


def _executes(state: Any) -> None:
    _look(state.session)


def _flushes(session: Session, context: Any, instances: Any) -> None:
    _look(session)


_LISTENERS: Final[dict[str, Any]] = {
    "after_begin": _began,
    "do_orm_execute": _executes,
    "before_flush": _flushes,
}
