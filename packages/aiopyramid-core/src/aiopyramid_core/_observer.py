"""The interface of observers, and the objects that they are told of.

``observing`` publishes it for the packages that observe, and describes it.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

__all__ = ("Observer", "OpenConnection", "ThreadCall")


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
