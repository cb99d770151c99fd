"""The sessions of a request, and those of background tasks, WebSocket handlers and scripts."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Literal

from pyramid.threadlocal import manager as threadlocals
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from aiopyramid_core import spawn_greenlet
from aiopyramid_core.executor import finish_transaction

from ._engines import DEFAULT, asyncio_driver_for, engines_of
from ._session import RequestSession
from .exceptions import NotAnAsyncioDriver

try:
    import zope.sqlalchemy as zope_sqlalchemy
except ImportError:
    zope_sqlalchemy = None

__all__ = (
    "BeginDBSession",
    "RequestSessions",
    "async_dbsession",
    "begin_dbsession",
    "can_join_transactions",
    "dbsession",
    "finish_all",
    "make_session",
    "sessions_of",
    "set_dbsession_options",
)

OPTIONS: Final = "aiopyramid.sqlalchemy.options"
CONNECTIONS: Final = "aiopyramid.sqlalchemy.connections"
"""Keys of the registry: what sessions are made with; connections that tests have them share."""

OWNER: Final = "aiopyramid.sqlalchemy.owner"
"""A key of the environ: the request whose sessions our tween commits."""

_SESSIONS: Final = "aiopyramid_dbsessions"
_MANAGER: Final = "tm.manager"
"""A key of the environ: the transaction manager of a request that pyramid_tm commits."""


# --- Sessions -------------------------------------------------------------------------------------


def set_dbsession_options(config: Any, **options: Any) -> None:
    """Set what the sessions of an application are made with.

    A directive: ``config.set_dbsession_options(expire_on_commit=False)``.

    Args:
        config: The application's configurator.
        **options: Those of :class:`sqlalchemy.orm.Session`, and ``class_``, a subclass of it.
    """
    config.registry[OPTIONS] = options


def make_session(registry: Any, name: str = DEFAULT) -> RequestSession:
    """Return a new session of an application.

    Args:
        registry: The application's registry.
        name: The name of the engine.
    """
    options = dict(registry.get(OPTIONS, {}))
    kind = options.pop("class_", Session)
    connection = registry.get(CONNECTIONS, {}).get(name)
    if connection is None:
        options["bind"] = engines_of(registry)[name]
    else:
        options |= {"bind": connection, "join_transaction_mode": "create_savepoint"}
    return _checking(kind)(**options)


@functools.cache
def _checking(kind: type[Session]) -> type[RequestSession]:
    if issubclass(RequestSession, kind):
        return RequestSession
    return type(f"Request{kind.__name__}", (RequestSession, kind), {})


def can_join_transactions() -> bool:
    """Return whether sessions can take part in the transactions of ``pyramid_tm``."""
    return zope_sqlalchemy is not None


def finish_all(sessions: Iterable[RequestSession], method: Literal["commit", "rollback"]) -> None:
    """Commit or roll back sessions, one after the other, without blocking the event loop.

    A cancellation takes effect afterwards, so that not only some of them are committed. Those with
    ``twophase=True`` are all prepared before one of them is committed.

    Args:
        sessions: The sessions; those that have done nothing are left alone.
        method: The name of the method to call.
    """
    used = [session for session in sessions if session.in_transaction()]

    def call_each() -> None:
        if method == "commit" and len(used) > 1:
            for session in used:
                if session.twophase:
                    session.prepare()
        for session in used:
            getattr(session, method)()

    if used:
        finish_transaction(call_each, awaits=all(session.awaits for session in used))


# --- Of a request ---------------------------------------------------------------------------------


class RequestSessions(Mapping[str, RequestSession]):
    """The sessions of one request, by the names of their engines; each is made when asked for.

    Args:
        request: The request.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._sessions: dict[str, RequestSession] = {}
        self._is_finished = False

    def __getitem__(self, name: str) -> RequestSession:
        if name not in self._sessions:
            self._sessions[name] = self._make(name)
        return self._sessions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sessions)

    def __len__(self) -> int:
        return len(self._sessions)

    def _make(self, name: str) -> RequestSession:
        request = self._request
        session = make_session(request.registry, name)
        session.info["request"] = request
        session.is_finished = self._is_finished
        manager = getattr(request, "tm", None)
        if manager is not None:
            zope_sqlalchemy.register(session, transaction_manager=manager)
        if len(self) == 0:
            request.add_finished_callback(self._end)
        return session

    def finish(self, method: Literal["commit", "rollback"]) -> None:
        """Commit or roll back all sessions; nothing commits what is changed afterwards.

        Args:
            method: The name of the method to call.
        """
        finish_all(self.values(), method)
        self._is_finished = True
        for session in self.values():
            session.is_finished = True

    def _end(self, request: Any) -> None:
        with ExitStack() as stack:  # which calls all of them, though one may fail
            for session in self.values():
                stack.callback(session.end)


def sessions_of(request: Any) -> RequestSessions:
    """Return the sessions of a request; a part of another request has those of the whole.

    Args:
        request: The request.
    """
    owner = _owner(request)
    sessions = vars(owner).get(_SESSIONS)
    if sessions is None:
        sessions = vars(owner)[_SESSIONS] = RequestSessions(owner)
    found: RequestSessions = sessions
    return found


def _owner(request: Any) -> Any:
    """Return the request whose tween commits what a request writes.

    A subrequest without tweens has no commit of its own.
    """
    if OWNER in request.environ:  # as in most requests
        return request.environ[OWNER]
    outer = [entry.get("request") for entry in reversed(threadlocals.stack)]
    candidates = [request, *filter(None, outer)]
    for candidate in candidates:
        # A part whose environ is a copy of the whole's has these keys, too.
        if OWNER in candidate.environ:
            return candidate.environ[OWNER]
        manager = candidate.environ.get(_MANAGER)
        if manager is not None:
            return [each for each in candidates if each.environ.get(_MANAGER) is manager][-1]
    return request


def dbsession(request: Any) -> Session:
    """Return the session of a request: ``request.dbsession``.

    Args:
        request: The request.
    """
    # Where Pyramid's starter has the tests of an application put a session.
    given: Session | None = request.environ.get("app.dbsession")
    return sessions_of(request)[DEFAULT] if given is None else given


def async_dbsession(request: Any) -> AsyncSession:
    """Return ``request.dbsession``, with methods to await: ``request.async_dbsession``.

    Both are one session, in one transaction.

    Args:
        request: The request.

    Raises:
        NotAnAsyncioDriver: The engine has a synchronous driver.
    """
    session: Session = request.dbsession
    dialect = session.get_bind().dialect
    if not dialect.is_async:
        raise NotAnAsyncioDriver(dialect.driver, asyncio_driver_for(dialect.name))

    def the_same(**options: Any) -> Session:
        return session

    return AsyncSession(sync_session_class=the_same)  # type: ignore[arg-type]


# --- Of everything else ---------------------------------------------------------------------------


class BeginDBSession:
    """The context manager that :func:`begin_dbsession` returns."""

    def __init__(self, registry: Any, name: str) -> None:
        self._registry = registry
        self._name = name
        self._session: RequestSession | None = None

    def __enter__(self) -> Session:
        self._session = make_session(self._registry, self._name)
        return self._session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        assert session is not None
        try:
            if kind is None:
                finish_all((session,), "commit")
        finally:
            session.end()

    async def __aenter__(self) -> Session:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await spawn_greenlet(self.__exit__, kind, error, frames)


def begin_dbsession(registry: Any, name: str = DEFAULT) -> BeginDBSession:
    """Open a session, and commit it at the end of the block.

    For code that has no request, or that runs longer than one: background tasks, WebSocket
    handlers, streamed bodies, scripts. ::

        async with begin_dbsession(request.registry) as dbsession:
            dbsession.add(Visit(...))

    If the block raises an exception, the transaction is rolled back. In either case the session is
    closed. Synchronous code writes ``with`` instead of ``async with``. Transactions of
    ``pyramid_tm`` have no part in it.

    Args:
        registry: The application's registry.
        name: ``reporting`` for the engine that ``sqlalchemy.reporting.url`` describes.

    Raises:
        ConfigurationError: No setting describes such an engine.
    """
    return BeginDBSession(registry, name)
