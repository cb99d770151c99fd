"""The scope of a request, which replaces the thread as a key on the event loop.

The coroutine requests of a process take turns on one thread. Code that tells requests apart by
their thread (``transaction.manager``, a ``scoped_session``) would confuse them. Instead, each of
them has a *scope* in a context variable. In a synchronous request the scope is that of its thread,
also while a coroutine runs on the event loop on behalf of that thread.
"""

import itertools
import threading
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from .._bridge.pool import kills_greenlet

__all__ = (
    "CoroutineRequestScope",
    "RequestScope",
    "ThreadRequestScope",
    "call_in_scope_of_coroutine_request",
    "clean_up_here",
    "current_scope",
    "request_scope",
    "scope_here",
)

T = TypeVar("T")


class _Scope:
    """Base class of the two kinds of scopes."""

    __slots__ = ("_clean_up",)

    # Set by the subclasses, because the call of a common constructor would take longer than its
    # work.
    _clean_up: list[Callable[[], None]] | None

    def clean_up_with(self, function: Callable[[], None]) -> None:
        """Register a function to call (perhaps twice) if the request is aborted; must not raise."""
        if self._clean_up is None:
            self._clean_up = []
        self._clean_up.append(function)

    def clean_up(self) -> None:
        """Clean up after the request was aborted, by its cancellation for example.

        Otherwise its remaining state would affect the next request with the same key.
        """
        for function in self._clean_up or ():
            function()


class CoroutineRequestScope(_Scope):
    """The scope of one coroutine request.

    Attributes:
        has_had_thread: Whether it has had a thread for a blocking call. If so, it may hold a
            resource, such as a connection or the lock of a row, for which the requests in all the
            threads wait.
        transaction_manager: The manager that ``transaction.manager`` uses in the request, or None
            before its first use.
    """

    __slots__ = ("_key", "has_had_thread", "transaction_manager")

    def __init__(self) -> None:
        self._clean_up = None
        self._key: _Key | None = None
        self.has_had_thread = False
        self.transaction_manager: Any = None

    @property
    def key(self) -> Hashable:
        """A value that no other request in progress has."""
        if self._key is None:
            self._key = _Key()
        return self._key.value


class ThreadRequestScope(_Scope):
    """The scope of one synchronous request; created in its thread.

    Args:
        transaction_manager: The manager that ``transaction.manager`` uses in the request, or None
            if it is not known.
        clean_up: See :meth:`clean_up_with`.

    Attributes:
        key: A value that no other request in progress has.
        transaction_manager: See above.
        has_ended: Whether the request has ended. Then the thread's state belongs to the next
            request in the thread, and :attr:`successor` is the scope of work that goes on.
    """

    __slots__ = ("_successors", "has_ended", "key", "transaction_manager")

    def __init__(
        self, transaction_manager: Any = None, clean_up: Callable[[], None] | None = None
    ) -> None:
        self._clean_up = None if clean_up is None else [clean_up]
        self._successors: list[CoroutineRequestScope] = []
        self.key: Hashable = threading.get_ident()
        self.transaction_manager = transaction_manager
        self.has_ended = False

    @property
    def successor(self) -> CoroutineRequestScope:
        """The scope of all work that outlives the request, such as its background tasks."""
        # Such work may be in several threads at a time. Whichever has appended first is right for
        # all of them, without a lock for which a finalizer in one of them could wait forever.
        if not self._successors:
            self._successors.append(CoroutineRequestScope())
        return self._successors[0]


class _Key:
    """A key that is in use as long as this object lives.

    It is free again when the last context that holds the scope (perhaps that of a background task)
    is gone, since nothing can use the key then. This is a class of its own because a ``__del__`` of
    the scope would take longer than its creation, and most scopes need no key.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        try:
            self.value = _free_keys.pop()  # atomic, as append is: requests may end in threads
        except IndexError:
            self.value = ("coroutine request", next(_numbers))

    def __del__(self) -> None:
        _free_keys.append(self.value)


_numbers: Final = itertools.count(1)
_free_keys: Final[list[Hashable]] = []

RequestScope = ThreadRequestScope | CoroutineRequestScope

current_scope: Final[ContextVar[RequestScope | None]] = ContextVar(
    "aiopyramid_request_scope", default=None
)
"""The scope in which this context was created; :func:`scope_here` checks whether it has ended."""


def scope_here() -> RequestScope | None:
    """Return the scope of the calling code; None outside of requests."""
    scope = current_scope.get()
    if type(scope) is ThreadRequestScope and scope.has_ended:
        return scope.successor
    return scope


def clean_up_here() -> None:
    """Clean up after code that continued in a thread although its request was aborted."""
    scope = scope_here()
    if scope is not None:
        scope.clean_up()


def request_scope() -> Hashable:
    """Return a value that is one per request: the ``scopefunc`` of a ``scoped_session``.

    ::

        DBSession = scoped_session(sessionmaker(), scopefunc=request_scope)

    In a synchronous request, and outside of requests, it is one per thread, as without this
    function. Coroutine requests reuse the value of an earlier request after it and its background
    tasks have finished. So there are never more sessions than there were requests at the same
    time.
    """
    scope = scope_here()
    return threading.get_ident() if scope is None else scope.key


def call_in_scope_of_coroutine_request(
    policy: Callable[[Any, Any], T], environ: Any, router: Any
) -> T:
    """Call the execution policy of a coroutine request, in a scope of its own.

    The scope lasts as long as the context of the request, which may still produce a body. Only a
    request within another one, in the same context, leaves it as it was.
    """
    outer = current_scope.get()
    scope = CoroutineRequestScope()
    current_scope.set(scope)
    try:
        return policy(environ, router)
    except Exception:
        raise  # the code that began any work has seen the error and has ended that work
    except BaseException as error:
        if not kills_greenlet(error):
            scope.clean_up()
        raise
    finally:
        if outer is not None:
            current_scope.set(outer)
