"""The observers of this process: objects that are told what requests do, such as the debug toolbar.

Without an observer :data:`observer` is None, and the code that would tell it something only looks
at this variable, which takes about as long as reading an attribute. ``observing`` is the interface
for the packages that observe, and describes it.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar

__all__ = (
    "Observer",
    "OpenConnection",
    "ThreadCall",
    "add_observer",
    "current_observer",
    "current_thread_call",
    "observed_call",
    "observer",
    "remove_observer",
)

_log = logging.getLogger("aiopyramid_core")

P = ParamSpec("P")
T = TypeVar("T")


class ThreadCall:
    """A call of a function in a thread.

    Args:
        function: The function.
        is_request: Whether the function is an application that responds to a whole request.

    Attributes:
        function: The function. Partial objects around it are removed.
        is_request: See above.
        queued_at: When the call was given to the thread pool, by ``time.perf_counter()``.
        began_at: When a thread began with it; None before that.
        ended_at: When the function returned; None before that.
        thread_name: The name of the thread; empty before it began.
    """

    __slots__ = (
        "__weakref__",
        "began_at",
        "ended_at",
        "function",
        "is_request",
        "queued_at",
        "thread_name",
    )

    def __init__(self, function: Callable[..., Any], *, is_request: bool = False) -> None:
        while isinstance(function, functools.partial):
            function = function.func
        self.function = function
        self.is_request = is_request
        self.queued_at = time.perf_counter()
        self.began_at: float | None = None
        self.ended_at: float | None = None
        self.thread_name = ""


class OpenConnection:
    """A WebSocket or an event stream, from its opening to its end.

    Args:
        kind: ``"websocket"`` or ``"event stream"``.
        name: The name of its handler or route.
        request: The request that has opened it.
        count_queued: Returns how many messages wait: for the handler of a WebSocket, for the client
            of an event stream.
        is_slow: Returns whether the client reads more slowly than the application sends.

    Attributes:
        kind: See above.
        name: See above.
        path: The path of the request's URL.
        client: The address of the client, or None.
        opened_at: When it was opened, by ``time.time()``.
        closed_at: When it ended; None while it is open.
        received_messages: How many messages the handler has received.
        received_bytes: Their size in bytes; of text in UTF-8.
        sent_messages: How many messages or events were sent.
        sent_bytes: Their size in bytes, without framing and compression.
        close_code: The close code of a WebSocket, after it was closed; otherwise None.
    """

    __slots__ = (
        "__weakref__",
        "_count_queued",
        "_is_slow",
        "client",
        "close_code",
        "closed_at",
        "kind",
        "name",
        "opened_at",
        "path",
        "received_bytes",
        "received_messages",
        "sent_bytes",
        "sent_messages",
    )

    def __init__(
        self,
        kind: str,
        name: str,
        request: Any,
        count_queued: Callable[[], int],
        is_slow: Callable[[], bool],
    ) -> None:
        self.kind = kind
        self.name = name
        self.path: str = request.path
        self.client: str | None = request.client_addr
        self.opened_at = time.time()
        self.closed_at: float | None = None
        self.received_messages = self.received_bytes = 0
        self.sent_messages = self.sent_bytes = 0
        self.close_code: int | None = None
        self._count_queued = count_queued
        self._is_slow = is_slow

    @property
    def queued(self) -> int:
        """How many messages wait now; see ``count_queued``."""
        return self._count_queued()

    @property
    def is_slow(self) -> bool:
        """Whether the client does not keep up now."""
        return self._is_slow()

    def close(self) -> None:
        """Note that the connection has ended, and forget the functions given to it."""
        self.closed_at = time.time()
        self._count_queued, self._is_slow = _none, _not

    def add_received(self, size_bytes: int) -> None:
        """Count a message from the client.

        Args:
            size_bytes: Its size.
        """
        self.received_messages += 1
        self.received_bytes += size_bytes

    def add_sent(self, size_bytes: int) -> None:
        """Count a message to the client.

        Args:
            size_bytes: Its size.
        """
        self.sent_messages += 1
        self.sent_bytes += size_bytes


def _none() -> int:
    return 0


def _not() -> bool:
    return False


class Observer:
    """Base class of observers: all methods do nothing; override those that you need.

    The methods are called by the code that they describe, in its thread and in the context
    of its request, also for code that runs in threads and Tasks of the
    request. So an observer can keep the record of a request in a context variable. They must be
    fast, must not wait, and may be called in several threads at a time. An exception is logged once
    for each method, and does not affect the request.
    """

    def request_began(self, request: Any, *, on_loop: bool) -> None:
        """Note the beginning of a request: its outermost tween has been called.

        Args:
            request: Pyramid's request.
            on_loop: Whether it runs on the event loop; otherwise in a thread.
        """

    def request_ended(self, request: Any, response: Any | None) -> None:
        """Note the end of a request: its outermost tween has returned.

        The body of the response is sent afterwards.

        Args:
            request: Pyramid's request.
            response: Its response; None if the tween has raised an exception.
        """

    def wait_began(self, coroutine: Any) -> None:
        """Note that code on the event loop suspends until a future is done.

        Called at each suspension of a request, and of the Tasks of :func:`.observe_tasks`. The
        caller's frames are those of the waiting code, and the frames below it are found by
        following ``cr_await``.

        Args:
            coroutine: The coroutine that has suspended.
        """

    def wait_ended(self, coroutine: Any) -> None:
        """Note that code on the event loop continues.

        Args:
            coroutine: See :meth:`wait_began`.
        """

    def thread_wait_began(self, awaitable: Any) -> None:
        """Note that a thread begins to wait for an awaitable, which runs on the event loop.

        Args:
            awaitable: The awaitable.
        """

    def thread_wait_ended(self, awaitable: Any) -> None:
        """Note that the thread continues.

        Args:
            awaitable: See :meth:`thread_wait_began`.
        """

    def call_queued(self, call: ThreadCall) -> None:
        """Note that a function is to be called in a thread; its caller waits for it.

        Args:
            call: The call.
        """

    def call_began(self, call: ThreadCall) -> None:
        """Note that a thread calls the function; called in this thread.

        Args:
            call: The call.
        """

    def call_ended(self, call: ThreadCall) -> None:
        """Note that the function has returned or raised an exception; called in the thread.

        Args:
            call: The call.
        """

    def task_began(self, task: Any, coroutine: Any) -> None:
        """Note that a Task was created; only on a loop of :func:`.observe_tasks`.

        Args:
            task: The :class:`asyncio.Task`.
            coroutine: Its coroutine.
        """

    def task_ended(self, task: Any) -> None:
        """Note that a Task is done.

        Args:
            task: See :meth:`task_began`.
        """

    def connection_opened(self, connection: OpenConnection) -> None:
        """Note that a WebSocket or an event stream was opened.

        Args:
            connection: The connection, which counts its messages from now on.
        """

    def connection_closed(self, connection: OpenConnection) -> None:
        """Note that a WebSocket or an event stream has ended.

        Args:
            connection: See :meth:`connection_opened`.
        """


_METHODS: Final = tuple(name for name in vars(Observer) if not name.startswith("_"))


class _Observers(Observer):
    """Tells several observers; each method calls those observers that override it."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.observers = observers
        for name in _METHODS:
            overriding = [
                getattr(each, name)
                for each in observers
                if getattr(type(each), name) is not getattr(Observer, name)
            ]
            setattr(self, name, _call_all(overriding))


def _call_all(methods: list[Callable[..., None]]) -> Callable[..., None]:
    def tell(*args: Any, **kwargs: Any) -> None:
        for method in methods:
            try:
                method(*args, **kwargs)
            except Exception:
                _log_once(method)

    return tell


_failed: Final[set[str]] = set()


def _log_once(method: Callable[..., None]) -> None:
    name = f"{type(getattr(method, '__self__', None)).__qualname__}.{method.__name__}"
    if name not in _failed:
        _failed.add(name)
        _log.exception("The observer method %s has failed; further failures are not logged", name)


observer: Observer | None = None
"""Tells all observers of the process; None without one. Read it from the module at each use."""

_lock: Final = threading.Lock()


def add_observer(added: Observer) -> None:
    """Tell an observer from now on what happens in this process.

    Args:
        added: The observer. Adding it again has no effect.
    """
    with _lock:
        present = _present()
        if added not in present:
            _use((*present, added))


def remove_observer(removed: Observer) -> None:
    """Stop telling an observer.

    It may still be told the end of what has begun before.

    Args:
        removed: The observer. Removing it again has no effect.
    """
    with _lock:
        _use(tuple(each for each in _present() if each is not removed))


def current_observer() -> Observer | None:
    """Return an observer that tells all observers of the process; None if there are none."""
    return observer


def _present() -> tuple[Observer, ...]:
    return observer.observers if isinstance(observer, _Observers) else ()


def _use(observers: tuple[Observer, ...]) -> None:
    global observer
    observer = _Observers(observers) if observers else None


# --- Calls in threads -----------------------------------------------------------------------------

current_thread_call: Final[ContextVar[ThreadCall | None]] = ContextVar(
    "aiopyramid_thread_call", default=None
)
"""The call in a thread in which this context runs; None if it is not observed."""


def observed_call(
    observer: Observer, function: Callable[P, T], *, is_request: bool = False
) -> Callable[P, T]:
    """Return a function that tells an observer when a thread calls it.

    Args:
        observer: The observer.
        function: The function, which is given to a thread pool now.
        is_request: See :class:`ThreadCall`.
    """
    call = ThreadCall(function, is_request=is_request)
    observer.call_queued(call)

    def call_in_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        token = current_thread_call.set(call)
        call.thread_name = threading.current_thread().name
        call.began_at = time.perf_counter()
        observer.call_began(call)
        try:
            return function(*args, **kwargs)
        finally:
            call.ended_at = time.perf_counter()
            observer.call_ended(call)
            current_thread_call.reset(token)

    return call_in_thread
