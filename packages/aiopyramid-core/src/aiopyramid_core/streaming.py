"""Response bodies that are produced asynchronously, on any WSGI server, and server-sent events.

An async iterator may be a response body::

    async def view(request):
        return Response(app_iter=rows(), content_type="text/csv")
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from pyramid.response import Response
from pyramid.threadlocal import get_current_request

from . import _observing, _stream_ends
from ._bodies import AsyncBody
from ._bridge.driver import run_in_task
from ._observed_stream import ObservedStream
from ._stream_ends import WhenStopping

__all__ = ("AsyncBody", "EventChannel", "EventStreamResponse", "ServerSentEvent")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of an event stream (WHATWG HTML, 9.2.6), with the names of its fields there.

    Attributes:
        data: The payload; each of its lines becomes a ``data`` field. With None, the client
            records the other fields but does not dispatch an event to its listeners.
        event: The event's type, or None for ``message``.
        id: The value that the client sends as ``Last-Event-ID`` when it reconnects, or None.
        retry: How many milliseconds the client should wait before it reconnects, or None.

    Raises:
        ValueError: ``event`` or ``id`` is not a single line, or ``retry`` is not a whole number of
            milliseconds.
    """

    data: str | None = ""
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        """Reject values that would end a field early, or that a client ignores."""
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and any(character in value for character in "\r\n\0"):
                raise ValueError(f"the {name} of a server-sent event must be one line: {value!r}")
        if self.retry is not None and not (type(self.retry) is int and self.retry >= 0):
            raise ValueError(
                "the retry of a server-sent event must be a whole number of milliseconds, or None:"
                f" {self.retry!r}"
            )

    def encode(self) -> bytes:
        """Return the event as it is sent, in UTF-8."""
        lines = []
        if self.event is not None:
            lines.append(f"event: {self.event}")
        if self.id is not None:
            lines.append(f"id: {self.id}")
        if self.retry is not None:
            lines.append(f"retry: {self.retry}")
        if self.data is not None:
            # Exactly these three line endings are recognized in an event stream.
            payload = self.data.replace("\r\n", "\n").replace("\r", "\n")
            lines += [f"data: {line}" for line in payload.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


class EventChannel:
    """Events that other code puts into an event stream.

    It costs a fraction of a generator, which needs a Task and a greenlet of its own. ::

        channel = EventChannel()
        channels.add(channel)
        return EventStreamResponse(channel)

        for channel in channels:  # elsewhere
            channel.put(ServerSentEvent("news"))

    Call its methods on the event loop. A subclass may override :meth:`open` and :meth:`close`.

    Args:
        limit: The number of events that may wait for the client.

    Attributes:
        waiting: The encoded events that wait for the client, the oldest first. Remove some to make
            room for others.
    """

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit
        self.waiting: deque[bytes] = deque()
        self._has_ended = False
        self._has_posted = False
        self._post: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None

    # --- For the code that has events ---------------------------------------------------------

    def put(self, event: ServerSentEvent | str | bytes) -> bool:
        """Put an event into the stream; never wait.

        Args:
            event: The event. A ``str`` is the data of an event, ``bytes`` are an encoded event.

        Returns:
            Whether there was room for it. False as well if the stream has ended.
        """
        if self._has_ended or len(self.waiting) >= self._limit:
            return False
        if isinstance(event, str):
            event = ServerSentEvent(event)
        data = event if isinstance(event, bytes) else event.encode()
        if self._is_idle() and self._post is not None and self._post(data):
            self._has_posted = True
        else:
            self.waiting.append(data)
            self._wake()
        return True

    def end(self) -> None:
        """End the stream after the events that wait for the client."""
        self._has_ended = True
        self._wake()

    # --- For a subclass -----------------------------------------------------------------------

    async def open(self) -> None:
        """Begin: called on the event loop before the first event is sent."""

    def close(self) -> None:
        """Clean up: called when the stream has ended or the client has disconnected."""

    # --- For the response ---------------------------------------------------------------------

    def attach(self, post: Callable[[bytes], bool]) -> None:
        """Write events directly while no other part of the response is being sent.

        That takes a fraction of the time in which a task is resumed.

        Args:
            post: Sends a part of the body if it can be sent without waiting; returns whether.
        """
        self._post = post

    async def next_part(self, seconds: float) -> bytes | None:
        """Wait for events.

        Args:
            seconds: How long.

        Returns:
            All events that wait; if there was none in this time, a comment; None at the end.
        """
        loop = asyncio.get_running_loop()
        is_silent = False
        while not (self.waiting or self._has_ended or is_silent):
            self._has_posted = False
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
            is_silent = not self._has_posted
        if self.waiting:
            part = b"".join(self.waiting)
            self.waiting.clear()
            return part
        return None if self._has_ended else _COMMENT

    def _is_idle(self) -> bool:
        """Whether the response waits for events, so that no part of it is being sent."""
        return not self.waiting and self._waiter is not None and not self._waiter.done()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class EventStreamResponse(Response):
    """A stream of server-sent events, for ``EventSource`` in the browser.

    ::

        async def clock(request):
            async def ticks():
                while True:
                    yield ServerSentEvent(time.ctime(), event="tick")
                    await asyncio.sleep(1)
            return EventStreamResponse(ticks())

    The client learns at once that the stream is open, from a comment if there is no event yet.
    When the client disconnects, the generator is closed, so that its ``finally`` clauses run.

    When the server begins to stop, the stream ends, and the client is asked to connect again: to
    the worker that replaces this one, or to another one. Otherwise each open stream would hold the
    worker up until it is killed. Of many streams a few end at a time, all of them within
    ``aiopyramid.reconnect_spread``, and each client connects again half a second later at the
    latest.

    Args:
        events: Yields events; a ``str`` is the data of an event. Or an :class:`EventChannel`, which
            needs no generator.
        heartbeat_seconds: How long the stream may be silent before a comment is sent. The comment
            keeps proxies from closing the stream and shows whether the client is still connected.
        ends_on_stop: Whether the stream ends when the server begins to stop. With False, the worker
            waits for the end of the stream as for any other response.
        **kwargs: Passed on to :class:`pyramid.response.Response`.

    Attributes:
        ends_on_stop: See above.
    """

    def __init__(
        self,
        events: "AsyncIterable[ServerSentEvent | str] | EventChannel",
        *,
        heartbeat_seconds: float = 15.0,
        ends_on_stop: bool = True,
        **kwargs: Any,
    ) -> None:
        self.ends_on_stop = ends_on_stop
        when_stopping = _stream_ends.when_stopping() if ends_on_stop else _stream_ends.never
        body: Any
        if isinstance(events, EventChannel):
            body = _ChannelBody(events, heartbeat_seconds, when_stopping)
        else:
            body = _encode(events, heartbeat_seconds, when_stopping)
        observer = _observing.observer
        if observer is not None and (request := get_current_request()) is not None:
            waiting = events.waiting if isinstance(events, EventChannel) else ()
            body = ObservedStream(body, request, observer, lambda: len(waiting))
        super().__init__(
            app_iter=body,
            content_type="text/event-stream",
            charset="utf-8",
            **kwargs,
        )
        # In one step, since WebOb's attributes take several for each.
        fields = self.headerlist
        fields[:] = [field for field in fields if field[0].lower() not in _REPLACED]
        fields += _FIELDS


_FIELDS: Final = (
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),  # otherwise nginx would buffer the events
)

_REPLACED: Final = frozenset(name.lower() for name, _ in _FIELDS)

_COMMENT: Final = b":\n\n"
"""Shows that the stream is open; clients ignore it."""

_OPENING_SECONDS: Final = 0.1
"""How long to wait for the first event before sending the head of the response without it."""


def _come_again(milliseconds: int) -> bytes:
    """Return the last part of a stream, which asks the client to connect again."""
    return ServerSentEvent(None, retry=milliseconds).encode()


class _ChannelBody:
    """The body of a response with a channel, which may write events directly.

    Not an asynchronous generator: that consists of several objects, which stay as long as the
    stream, and takes a step more for each part.
    """

    __slots__ = (
        "_channel",
        "_has_begun",
        "_heartbeat_seconds",
        "_when_stopping",
        "_withdraw",
        "attach",
    )

    def __init__(
        self, channel: EventChannel, heartbeat_seconds: float, when_stopping: WhenStopping
    ) -> None:
        self.attach = channel.attach
        self._channel = channel
        self._heartbeat_seconds = heartbeat_seconds
        self._when_stopping = when_stopping
        self._withdraw: Callable[[], None] | None = None  # while the stream is open
        self._has_begun = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        channel, seconds = self._channel, self._heartbeat_seconds
        is_first = not self._has_begun
        if is_first:
            self._has_begun = True
            self._withdraw = self._when_stopping(self._stop)
            seconds = min(seconds, _OPENING_SECONDS)
        elif self._withdraw is None:
            raise StopAsyncIteration
        try:
            if is_first:
                await channel.open()
            part = await channel.next_part(seconds)
        except BaseException:
            self._end()
            raise
        if part is None:
            self._end()
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        self._has_begun = True
        self._end()

    def _stop(self, milliseconds: int) -> None:
        """End the stream, because the server stops."""
        self._channel.waiting.append(_come_again(milliseconds))
        self._channel.end()

    def _end(self) -> None:
        withdraw, self._withdraw = self._withdraw, None
        if withdraw is not None:
            withdraw()
            self._channel.end()
            self._channel.close()


async def _encode(
    events: AsyncIterable[ServerSentEvent | str],
    heartbeat_seconds: float,
    when_stopping: WhenStopping,
) -> AsyncIterator[bytes]:
    # The generator runs in a Task of its own, because it must not be cancelled for a heartbeat;
    # and in a greenlet, because synchronous code which it calls may await.
    queue: _Queue = asyncio.Queue()
    pump = asyncio.create_task(run_in_task(_pump(events, queue)))
    withdraw = when_stopping(lambda milliseconds: queue.put_nowait(_come_again(milliseconds)))
    silence_seconds = min(heartbeat_seconds, _OPENING_SECONDS)
    try:
        while True:
            try:
                async with asyncio.timeout(silence_seconds):
                    event = await queue.get()
            except TimeoutError:
                if queue.empty():  # otherwise an event has just arrived
                    yield _COMMENT
                continue
            finally:
                silence_seconds = heartbeat_seconds
            if event is None:
                break
            if isinstance(event, bytes):  # the server stops
                yield event
                return
            yield (ServerSentEvent(event) if isinstance(event, str) else event).encode()
            queue.task_done()
        await pump  # raises the generator's exception, if any
    finally:
        withdraw()
        pump.cancel()
        await asyncio.wait((pump,))


_Queue = asyncio.Queue[ServerSentEvent | str | bytes | None]


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
