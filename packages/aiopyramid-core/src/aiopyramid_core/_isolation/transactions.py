"""The packages ``transaction`` and ``pyramid_tm`` in coroutine requests.

``transaction.manager`` is a ``threading.local`` that other modules import by name: on the event
loop's thread all coroutine requests would share one manager and end each other's transactions. As
with Pyramid's own thread-locals (:mod:`.threadlocals`), the class of the instance is changed.

``commit()`` and ``abort()`` block. On the event loop they would hold up all requests. If they had
to wait for a thread of the pool, the requests in all threads might be waiting for the locks that
they release. So each gets a thread at once. A transaction in which only SQLAlchemy sessions with an
asyncio driver take part does not block, and ends on the event loop.

In synchronous requests, which end their transactions in their own threads, only this changes: a
cancellation does not interrupt a commit that waits for an asyncio driver.
"""

import importlib
import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from pyramid.interfaces import ITweens
from pyramid.util import DottedNameResolver

from .scope import CoroutineRequestScope, ThreadRequestScope, scope_here

__all__ = ("install", "scope_of_this_thread", "take_commits_off_loop")

_log = logging.getLogger("aiopyramid_core")


class Finish(Protocol):
    """Commits or aborts for a request that waits, even if it is cancelled."""

    def __call__(self, function: Callable[[], None], /, *, awaits: bool) -> None:
        """Call a function; ``awaits`` says whether it awaits and does not block."""


_TWEEN: Final = "pyramid_tm.tm_tween_factory"
_HOOK: Final = "tm.manager_hook"


class _NotInstalled:
    """A substitute for ``transaction.manager`` if the package is not installed."""

    thread_manager = None


_manager: Any = _NotInstalled


def install(finish: Finish) -> None:
    """Make ``transaction.manager`` one per coroutine request, if the package is installed.

    Args:
        finish: Commits or aborts for a request that waits.
    """
    global _manager
    if _manager is not _NotInstalled or importlib.util.find_spec("transaction") is None:
        return
    transaction = importlib.import_module("transaction")
    scoped = _scoped_manager_class(transaction, finish)
    transaction.manager.__class__ = scoped
    _manager = transaction.manager


def scope_of_this_thread() -> ThreadRequestScope:
    """Return the scope for a synchronous request in the calling thread.

    It carries the thread's transaction manager to coroutines that run on behalf of the thread.
    """
    manager = _manager.thread_manager
    if manager is None:
        return ThreadRequestScope()
    return ThreadRequestScope(manager, partial(_abort, manager))


def _scoped_manager_class(transaction: Any, finish: Finish) -> type:
    """Return the class for ``transaction.manager``; a function, as the package is optional."""

    class OffLoopTransactionManager(transaction.TransactionManager):
        """The manager of one coroutine request."""

        def commit(self) -> None:
            finish(super().commit, awaits=_awaits(self))

        def abort(self) -> None:
            finish(super().abort, awaits=_awaits(self))

    class ScopedTransactionManager(transaction.ThreadTransactionManager):
        """``transaction.manager``: one manager per coroutine request, otherwise one per thread."""

        def commit(self) -> None:
            self._end("commit")

        def abort(self) -> None:
            self._end("abort")

        def _end(self, method: str) -> None:
            manager = self.manager
            function = getattr(manager, method)
            if manager is self.thread_manager:
                finish(function, awaits=True)
            else:
                function()  # which sees to it

        @property
        def manager(self) -> Any:
            """The manager of the current request, or of the thread."""
            scope = scope_here()
            if scope is None:
                return self.thread_manager
            if scope.transaction_manager is None and type(scope) is CoroutineRequestScope:
                scope.transaction_manager = OffLoopTransactionManager()
                scope.clean_up_with(partial(_abort, scope.transaction_manager))
            return scope.transaction_manager or self.thread_manager

        @manager.setter
        def manager(self, manager: Any) -> None:
            # Called by the base class in each thread that is new to it.
            self.__dict__["manager"] = manager

        @property
        def thread_manager(self) -> Any:
            """The manager of the calling thread, whatever request runs in it."""
            return self.__dict__["manager"]

    return ScopedTransactionManager


def take_commits_off_loop(registry: Any, finish: Finish) -> None:
    """Have ``pyramid_tm`` commit and abort coroutine requests off the event loop.

    Args:
        registry: The application's registry, all of whose configuration is done.
        finish: Commits or aborts for a request that waits.
    """
    tweens = registry.queryUtility(ITweens)
    if tweens is None or _TWEEN not in {*tweens.sorter.names, *(n for n, _ in tweens.explicit)}:
        return
    named = registry.settings.get(_HOOK)
    if not named:
        return  # transaction.manager, which does this itself
    registry.settings[_HOOK] = _off_loop_hook(DottedNameResolver(None).maybe_resolve(named), finish)


def _off_loop_hook(hook: Callable[[Any], Any], finish: Finish) -> Callable[[Any], Any]:
    def manager_hook(request: Any) -> Any:
        manager = hook(request)
        scope = scope_here()
        if scope is not None and manager is not _manager:
            # On the instance, whatever its class is.
            for name in ("commit", "abort"):
                function = getattr(manager, name)
                setattr(manager, name, partial(_end, manager, function, finish))
            scope.clean_up_with(partial(_abort, manager))
        return manager

    return manager_hook


def _end(manager: Any, function: Callable[[], None], finish: Finish) -> None:
    finish(function, awaits=_awaits(manager))


def _awaits(manager: Any) -> bool:
    """Return whether only sessions with an asyncio driver take part in a transaction."""
    transaction = getattr(manager, "_txn", None)  # to ask for it would begin one
    resources = getattr(transaction, "_resources", None)
    if not resources:
        return False
    for resource in resources:
        # A SessionDataManager of zope.sqlalchemy has the session, and it has the engine.
        bind = getattr(getattr(resource, "session", None), "bind", None)
        if not getattr(getattr(bind, "dialect", None), "is_async", False):
            return False
    return True


def _abort(manager: Any) -> None:
    """Abort the transaction of a manager, if there is one.

    ``pyramid_tm`` ends a transaction when a request returns or raises an Exception. A cancellation
    is not an Exception: the transaction would stay open, with its locks, and the session that has
    joined it would add the writes of later requests to it.
    """
    # manager.get() would begin a transaction.
    if getattr(manager, "_txn", None) is None:
        return
    try:
        manager.abort()
    except Exception:
        _log.exception("Cannot abort the transaction of a request that was cancelled")
