"""Response bodies on servers with an event loop, and asynchronous bodies on all others."""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextvars import copy_context
from typing import Any

from ._bridge.driver import await_in_bridge, in_bridge
from ._bridge.from_thread import await_in_thread, loop_of_this_thread
from ._bridge.process_loop import process_loop
from ._bridge.refusal import on_a_loop, refuse
from ._requests.in_thread import END_OF_BODY, BodyInThread
from .executor import call_in_thread, call_off_loop

__all__ = ("END_OF_BODY", "AsyncBody", "SynchronousBody", "make_body_portable")


class AsyncBody:
    """An asynchronous response body that synchronous WSGI servers can iterate, too.

    A server of this project iterates it on the event loop. Any other server, or a WSGI middleware
    in between, iterates it as a synchronous body, and waits in its thread for each part.

    Args:
        parts: The parts of the body, as bytes.
        ends_on_stop: Whether the body itself ends when the server begins to stop; None if it is not
            known. A server must not break off a body for which this is known.

    Attributes:
        ends_on_stop: See above.
    """

    def __init__(self, parts: AsyncIterable[bytes], ends_on_stop: bool | None = None) -> None:
        self.ends_on_stop = ends_on_stop
        self._iterator = aiter(parts)
        # The body is produced after Pyramid has returned, but must see the request's context.
        self._context = copy_context()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the asynchronous iterator."""
        return self._iterator

    def attach(self, post: Callable[[bytes], bool]) -> None:
        """Offer to send parts directly, if whatever produces them can make use of that.

        Args:
            post: See :meth:`aiopyramid_core.streaming.EventChannel.attach`.
        """
        attach = getattr(self._iterator, "attach", None)
        if attach is not None:
            attach(post)

    def __iter__(self) -> Iterator[bytes]:
        """Return this object, a synchronous iterator."""
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
        """Close the iterator, so that the ``finally`` clauses of a generator run."""
        aclose = getattr(self._iterator, "aclose", None)
        if aclose is not None:
            await aclose()

    def close(self) -> None:
        """Close the iterator, for synchronous servers (PEP 3333).

        Raises:
            ScopeError: It was called on the event loop's own thread outside of a greenlet.
        """
        self._wait(self.aclose())

    def _wait(self, awaitable: Coroutine[Any, Any, Any]) -> Any:
        if in_bridge():
            return await_in_bridge(awaitable)
        if on_a_loop():
            refuse(awaitable)
        # Always in the same context, not in copies of it, because a generator may reset a context
        # variable that it has set.
        loop = loop_of_this_thread() or process_loop()
        return await_in_thread(loop, awaitable, self._context)


async def _next(iterator: AsyncIterator[bytes]) -> bytes | None:
    # A Task turns StopAsyncIteration into a RuntimeError, and refuses StopIteration.
    return await anext(iterator, None)


def make_body_portable(response: Any) -> None:
    """Wrap a response's body into :class:`AsyncBody` if it is an async iterator.

    Args:
        response: A :class:`pyramid.response.Response` or anything else with an ``app_iter``.
    """
    body: Any = getattr(response, "app_iter", None)
    if type(body) is not list and hasattr(body, "__aiter__") and not hasattr(body, "__iter__"):
        # WebOb forgets the length with the body that had it.
        length = response.content_length
        response.app_iter = AsyncBody(body, getattr(response, "ends_on_stop", None))
        if length is not None:
            response.content_length = length


class SynchronousBody:
    """A synchronous response body for servers on an event loop, which iterate it in threads.

    The body of a synchronous request is iterated in the request's own thread. Any other body may be
    iterated in several threads, but always in the same copy of the request's context: a generator
    may reset the context variables that it has set, which Python allows in the same context only.

    ::

        parts = SynchronousBody(application(environ, start_response))
        try:
            while (part := parts.next()) is not END_OF_BODY:
                send(part)
        finally:
            await_(parts.close())

    Args:
        body: The iterable that a WSGI application returned.
    """

    __slots__ = ("_body", "_context", "_iterator", "_lock")

    def __init__(self, body: Iterable[Any]) -> None:
        self._body = body
        self._context = copy_context()
        self._iterator: Iterator[Any] | None = None
        # A cancelled request does not wait for the thread that produces the next part, but a
        # generator cannot be closed while it is running.
        self._lock = threading.Lock()

    def next(self) -> Any:
        """Wait for the next part, in a greenlet of the bridge.

        Returns:
            The part, or :data:`END_OF_BODY`.
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
        """Call the body's ``close`` method, if it has one; a cancellation does not prevent it."""
        if type(self._body) is BodyInThread:
            await self._body.end()
        elif hasattr(self._body, "close"):
            await asyncio.shield(call_in_thread(None, self._close))

    def _close(self) -> None:
        with self._lock:
            self._context.run(self._body.close)  # type: ignore[attr-defined]  # the caller looked
