"""A session that is used by one task at a time, and no longer than its request.

Two tasks that use one session at once would mix their statements: an asyncio driver refuses some of
this, in the middle of a transaction and with an error that names neither task. And a session that
is used after its request has nothing that would commit what it writes.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from aiopyramid_core import ScopeError, can_await
from aiopyramid_core.executor import finish_transaction
from aiopyramid_core.servers import on_a_loop

from .exceptions import SessionEnded, SessionInUse

__all__ = ("RequestSession",)

_log = logging.getLogger("aiopyramid_sqlalchemy")

_entered: Final[ContextVar[tuple[int, ...]]] = ContextVar("aiopyramid_dbsessions", default=())
"""The sessions in whose methods the calling code is; a flush, for example, is a part of a query.

Not the current Task, because a request may not have one before it first waits.
"""


def _checked(name: str) -> Callable[..., Any]:
    """Return a method of a session that refuses to be called where it would go wrong."""

    def method(self: "RequestSession", *args: Any, **kwargs: Any) -> Any:
        call = getattr(super(RequestSession, self), name)
        entered = _entered.get()
        if self.in_use_by is not None:
            if id(self) not in entered:
                raise SessionInUse(name, self.in_use_by)
            return call(*args, **kwargs)
        self.check(name)
        self.in_use_by = name
        _entered.set((*entered, id(self)))
        try:
            return call(*args, **kwargs)
        finally:
            self.in_use_by = None
            _entered.set(entered)
            if self.has_ended:
                self.end()  # which had to wait for this

    method.__name__, method.__doc__ = name, getattr(Session, name).__doc__
    return method


class RequestSession(Session):
    """An ordinary session that checks who uses it.

    Attributes:
        in_use_by: The method that is being called, or None.
        has_flushed: Whether the transaction has written objects to the database.
        is_finished: Whether the tween has committed the request or rolled it back.
        has_ended: Whether the request has ended.
    """

    in_use_by: str | None = None
    has_flushed = False
    is_finished = False
    has_ended = False

    begin_nested = _checked("begin_nested")
    bulk_insert_mappings = _checked("bulk_insert_mappings")
    bulk_save_objects = _checked("bulk_save_objects")
    bulk_update_mappings = _checked("bulk_update_mappings")
    commit = _checked("commit")
    connection = _checked("connection")
    execute = _checked("execute")
    flush = _checked("flush")
    prepare = _checked("prepare")
    rollback = _checked("rollback")
    scalar = _checked("scalar")
    scalars = _checked("scalars")

    @property
    def awaits(self) -> bool:
        """Whether the session has an asyncio driver."""
        return bool(getattr(getattr(self.bind, "dialect", None), "is_async", False))

    def check(self, method: str) -> None:
        """Check that the session may be used here.

        Args:
            method: The name of the method that is called.

        Raises:
            ScopeError: Nothing can wait for the driver here.
            SessionEnded: The request has ended.
        """
        if self.has_ended:
            raise SessionEnded(method)
        if self.awaits and on_a_loop() and not can_await():
            raise ScopeError(
                f"{method}() of a database session",
                "in a Task of its own",
                "Await the methods of request.async_dbsession there, or set"
                " aiopyramid.tasks_can_wait = true.",
            )

    def end(self) -> None:
        """Close the session for good, and return its connection to the pool.

        If a task is using it, that happens when the task is done. A cancellation does not interrupt
        it: the connection would be lost.
        """
        self.has_ended = True
        if self.in_use_by is not None:
            return
        if self.is_finished and (self.has_flushed or self.new or self.dirty or self.deleted):
            _log.warning(
                "Changes to request.dbsession are lost, because they were made after its commit or"
                " rollback: in an exception view, a response callback or a subscriber to"
                " NewResponse, for example. Call commit() there, or use request.begin_dbsession()"
            )
        if self.in_transaction():
            finish_transaction(super().close, awaits=self.awaits)
        else:
            super().close()  # which waits for nothing


@event.listens_for(RequestSession, "after_flush")
def _has_flushed(session: RequestSession, context: object) -> None:
    session.has_flushed = True


@event.listens_for(RequestSession, "after_transaction_end")
def _has_ended(session: RequestSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.has_flushed = False
