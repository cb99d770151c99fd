"""Response bodies that are produced asynchronously, on any WSGI server, and server-sent events.

An async iterator may be a response body::

    async def view(request):
        return Response(app_iter=rows(), content_type="text/csv")
"""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final

from pyramid.response import Response

from ._bridge import await_in_bridge, in_bridge, run_in_task
from ._portal import await_in_thread, loop_of_this_thread
from ._process_loop import process_loop
from ._wsgi_in_thread import END_OF_BODY, BodyInThread
from .executor import call_in_thread, call_off_loop
from .scope import on_a_loop, refuse

__all__ = (
    "END_OF_BODY",
    "AsyncBody",
    "EventStreamResponse",
    "OrdinaryBody",
    "ServerSentEvent",
    "make_body_portable",
)


class AsyncBody:
    """An asynchronous response body that ordinary WSGI servers can iterate, too.

    A server of this project iterates it on the event loop. Any other server, or a WSGI middleware
    in between, iterates it as an ordinary body, and waits in its thread for each part.

    Args:
        parts: The parts of the body, as bytes.

    .. versionadded:: 1.0
    """

    def __init__(self, parts: AsyncIterable[bytes]) -> None:
        self._iterator = aiter(parts)
        # The body is produced when Pyramid's part is over; it shall see the request's context.
        self._context = copy_context()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the asynchronous iterator."""
        return self._iterator

    def __iter__(self) -> Iterator[bytes]:
        """Return this object, an ordinary iterator."""
        return self

    def __next__(self) -> bytes:
        """Wait for the next part.

        Raises:
            ScopeError: It was called on the event loop's own thread outside of a greenlet.
        """
        part: bytes | None = self._wait(_next(self._iterator))
        if part is None:
            raise StopIteration
        return part

    async def aclose(self) -> None:
        """End the iteration early; ``finally`` clauses of a generator run.

        .. versionadded:: 1.0
        """
        aclose = getattr(self._iterator, "aclose", None)
        if aclose is not None:
            await aclose()

    def close(self) -> None:
        """The same for ordinary servers (PEP 3333).

        Raises:
            ScopeError: It was called on the event loop's own thread outside of a greenlet.

        .. versionadded:: 1.0
        """
        self._wait(self.aclose())

    def _wait(self, awaitable: Coroutine[Any, Any, Any]) -> Any:
        if in_bridge():
            return await_in_bridge(awaitable)
        if on_a_loop():
            refuse(awaitable)
        # Always in the same context, and not in copies of it: a generator may reset what it set.
        loop = loop_of_this_thread() or process_loop()
        return await_in_thread(loop, awaitable, self._context)


async def _next(iterator: AsyncIterator[bytes]) -> bytes | None:
    # StopAsyncIteration cannot leave through a Task unharmed, and StopIteration not at all.
    return await anext(iterator, None)


def make_body_portable(response: Any) -> None:
    """Wrap a response's body into :class:`AsyncBody` if it is an async iterator.

    Args:
        response: A :class:`pyramid.response.Response` or anything else with an ``app_iter``.

    .. versionadded:: 1.0
    """
    body: Any = getattr(response, "app_iter", None)
    if type(body) is not list and hasattr(body, "__aiter__") and not hasattr(body, "__iter__"):
        # WebOb forgets the length with the body that had it.
        length = response.content_length
        response.app_iter = AsyncBody(body)
        response.content_length = length


class OrdinaryBody:
    """An ordinary response body for servers on an event loop, which iterate it in threads.

    The body of a synchronous request is iterated in the request's own thread. Any other is in any
    thread; but all of it in one context, a copy of the request's: a generator may reset the context
    variables that it has set, which Python allows in the very same context only.

    ::

        parts = OrdinaryBody(application(environ, start_response))
        try:
            while (part := parts.next()) is not END_OF_BODY:
                send(part)
        finally:
            await_(parts.close())

    Args:
        body: What a WSGI application returned.

    .. versionadded:: 1.0
    """

    __slots__ = ("_body", "_context", "_iterator", "_lock")

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._context = copy_context()
        self._iterator: Iterator[bytes] | None = None
        # A cancelled request does not wait for the thread that makes the next part, but a
        # generator cannot be closed before it has.
        self._lock = threading.Lock()

    def next(self) -> Any:
        """Wait for the next part, in a greenlet of the bridge.

        Returns:
            The part, or :data:`END_OF_BODY`.

        .. versionadded:: 1.0
        """
        if type(self._body) is BodyInThread:
            return await_in_bridge(self._body.part())
        return call_off_loop(self._next_in_context)

    def _next_in_context(self) -> Any:
        with self._lock:
            return self._context.run(self._next)

    def _next(self) -> Any:
        if self._iterator is None:
            self._iterator = iter(self._body)
        return next(self._iterator, END_OF_BODY)

    async def close(self) -> None:
        """Call the body's ``close`` method, if it has one; a cancellation does not prevent it.

        .. versionadded:: 1.0
        """
        if type(self._body) is BodyInThread:
            await self._body.end()
        elif hasattr(self._body, "close"):
            await asyncio.shield(call_in_thread(None, self._close))

    def _close(self) -> None:
        with self._lock:
            self._context.run(self._body.close)  # type: ignore[attr-defined]  # the caller looked


# --- Server-sent events ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of an event stream (WHATWG HTML, 9.2.6).

    Attributes:
        data: The payload; each of its lines becomes a ``data`` field. None for no event at all:
            what else is set is taken note of by the client, and no listener is called.
        event: The event's type, or None for ``message``.
        id: What the client sends as ``Last-Event-ID`` when it connects again, or None.
        retry_milliseconds: How long the client shall wait before it connects again, or None.

    Raises:
        ValueError: ``event`` or ``id`` is not one line.

    .. versionadded:: 1.0
    """

    data: str | None = ""
    event: str | None = None
    id: str | None = None
    retry_milliseconds: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would end a field early, and so let data pass for fields."""
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and any(character in value for character in "\r\n\0"):
                raise ValueError(f"the {name} of a server-sent event must be one line: {value!r}")

    def encode(self) -> bytes:
        """Return the event as it is sent, in UTF-8.

        .. versionadded:: 1.0
        """
        lines = []
        if self.event is not None:
            lines.append(f"event: {self.event}")
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry_milliseconds is not None:
            lines.append(f"retry: {self.retry_milliseconds}")
        if self.data is not None:
            # All three line ends count as such in an event stream, and no other does.
            payload = self.data.replace("\r\n", "\n").replace("\r", "\n")
            lines += [f"data: {line}" for line in payload.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


class EventStreamResponse(Response):
    """A stream of server-sent events, for ``EventSource`` in the browser.

    ::

        async def clock(request):
            async def ticks():
                while True:
                    yield ServerSentEvent(time.ctime(), event="tick")
                    await asyncio.sleep(1)
            return EventStreamResponse(ticks())

    The client learns at once that the stream is open, by a comment if there is no event yet.
    When the client goes away the generator is closed, so that its ``finally`` clauses run.

    Args:
        events: Yields events; a ``str`` is the data of one.
        heartbeat_seconds: How long the stream may be silent before a comment is sent, which
            keeps proxies from closing it and tells whether the client is still there.
        **kwargs: Passed on to :class:`pyramid.response.Response`.

    .. versionadded:: 1.0
    """

    def __init__(
        self,
        events: AsyncIterable[ServerSentEvent | str],
        *,
        heartbeat_seconds: float = 15.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            app_iter=_encode(events, heartbeat_seconds),
            content_type="text/event-stream",
            charset="utf-8",
            **kwargs,
        )
        self.cache_control = "no-cache"
        # nginx would collect the events in its buffer.
        self.headers["X-Accel-Buffering"] = "no"


_OPENING_SECONDS: Final = 0.1
"""How long the first event may take before the head of the response goes out without it."""


async def _encode(
    events: AsyncIterable[ServerSentEvent | str], heartbeat_seconds: float
) -> AsyncIterator[bytes]:
    # The generator runs in a Task of its own, because it must not be cancelled for a heartbeat;
    # and in a greenlet, because ordinary code which it calls may await.
    queue: _Queue = asyncio.Queue()
    pump = asyncio.create_task(run_in_task(_pump(events, queue)))
    silence_seconds = min(heartbeat_seconds, _OPENING_SECONDS)
    try:
        while True:
            try:
                async with asyncio.timeout(silence_seconds):
                    event = await queue.get()
            except TimeoutError:
                if queue.empty():  # or else an event came just now
                    yield b":\n\n"
                continue
            finally:
                silence_seconds = heartbeat_seconds
            if event is None:
                break
            yield (ServerSentEvent(event) if isinstance(event, str) else event).encode()
            queue.task_done()
        await pump  # raises what the generator has raised
    finally:
        pump.cancel()
        await asyncio.wait((pump,))


_Queue = asyncio.Queue[ServerSentEvent | str | None]


async def _pump(events: AsyncIterable[ServerSentEvent | str], queue: _Queue) -> None:
    """Move events to the queue, one at a time, and None when there are no more."""
    iterator = aiter(events)
    try:
        async for event in iterator:
            queue.put_nowait(event)
            await queue.join()
    finally:
        queue.put_nowait(None)
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()
