"""A WSGI application in a thread, for servers on an event loop: one thread for a whole request.

The thread is kept until the body has been iterated, as under a server with threads, because a
generator may use state that the view has left in the thread. While it waits for a slow client, the
thread does not count as busy.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Final

from .. import _observing
from .._bridge.carrying import bring_back, reraise
from .._bridge.from_thread import ThreadScope
from .._bridge.sqlalchemy import call_serving
from .._isolation.scope import CoroutineRequestScope, ThreadRequestScope, current_scope
from .._isolation.transactions import scope_of_this_thread
from .._threads.of_process import request_threads
from .._threads.results import deliver
from .._threads.thread import paused
from ..awaiting import await_
from ..contract import ON_DISCONNECT
from .route_match import STATIC_FILE
from .time_limit import TimeLimit, current_limit

__all__ = (
    "END_OF_BODY",
    "BodyInThread",
    "CallInThread",
    "Environ",
    "StartResponse",
    "WSGIApplication",
    "needs_thread",
)

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

END_OF_BODY: Final = object()
"""The value that stands for the next part at the end of a body."""


class CallInThread:
    """One call of a WSGI application; created and awaited on the event loop.

    Args:
        application: The application.
        environ: The WSGI environ of the request.
        start_response: The server's ``start_response``; called in the thread.
    """

    def __init__(
        self, application: WSGIApplication, environ: Environ, start_response: StartResponse
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._application = application
        self._environ = environ
        self._start_response = start_response
        self._context = copy_context()
        self._scope = ThreadScope(lambda: loop)
        self._answer: asyncio.Future[Any] | None = loop.create_future()
        self._limit: TimeLimit | None = None
        self._abandoned = False

    # --- On the event loop --------------------------------------------------------------------

    def limit(self, seconds: float) -> None:
        """Limit the wait for the thread, and for the timed part in it, to a number of seconds."""
        assert self._answer is not None
        self._limit = TimeLimit(self._loop, seconds, self._scope, self._answer)

    async def body(self) -> Iterable[bytes]:
        """Call the application.

        Returns:
            The body: the application's own if it no longer needs the thread, otherwise a
            :class:`BodyInThread`.

        Raises:
            OutOfTime: The limit has expired. The thread runs to completion.
            BaseException: Any exception raised by the application.
        """
        assert self._answer is not None
        self._begin()
        try:
            body, error = await self._answer
        except BaseException:
            self._abandon()
            raise
        finally:
            # The thread refers to this object, which must not keep alive a body that is not closed.
            self._answer = None
            if self._limit is not None:
                self._limit.stop()
        if error is None:
            if hasattr(body, "__aiter__"):
                self._take_context_back()
            return body  # type: ignore[no-any-return]
        # Code that handles or logs the error on the event loop should see what is recorded about
        # it: Sentry, for one, records which errors it has already reported.
        self._take_context_back()
        try:
            reraise(error)
        finally:
            del error  # breaks the cycle exception -> traceback -> this frame

    def _take_context_back(self) -> None:
        """Copy the context variables of the thread back for the code on the event loop.

        The scope of the thread is not copied, since another request may run in the thread by then.
        """
        bring_back(self._context)
        current_scope.set(CoroutineRequestScope())

    def _begin(self) -> None:
        if (observer := _observing.observer) is not None:
            application = self._application
            self._application = _observing.observed_call(observer, application, is_request=True)
        # A file is sent quickly, and pages that have been delivered wait for it.
        if not request_threads().submit(self._run, preferred=STATIC_FILE in self._environ):
            # A request whose client has disconnected must not wait for a thread.
            on_disconnect = self._environ.get(ON_DISCONNECT)
            if on_disconnect is not None:
                on_disconnect(self._client_has_gone)

    def _client_has_gone(self) -> None:
        if self._answer is not None and request_threads().withdraw(self._run):
            self._answer.cancel()

    def _abandon(self) -> None:
        """Give the call up: do not begin it, or let it run to completion without waiting."""
        self._abandoned = True
        if not request_threads().withdraw(self._run):
            self._scope.cancel()

    # --- In the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        answer = self._answer
        if answer is not None and not answer.done():
            del answer
            self._context.run(self._serve)

    def _serve(self) -> None:
        scope = scope_of_this_thread()
        current_scope.set(scope)
        limit = self._limit
        try:
            if limit is None:
                call_serving(self._scope, self._call_application, scope)
            elif limit.thread_has_begun():
                current_limit.set(limit)
                call_serving(self._scope, self._call_application, scope)
        finally:
            scope.has_ended = True

    def _call_application(self, scope: ThreadRequestScope) -> None:
        try:
            body = self._application(self._environ, self._start)
        except BaseException as error:
            if not isinstance(error, Exception):
                scope.clean_up()
            self._give(None, error)
            return
        if not needs_thread(body, self._environ):
            self._give(body, None)
            return
        calls: SimpleQueue[_Call] = SimpleQueue()
        self._give(BodyInThread(self._loop, self._scope, calls), None)
        _iterate(body, calls, self._loop, self._scope)

    def _give(self, body: Any, error: BaseException | None) -> None:
        if (answer := self._answer) is not None:
            deliver(self._loop, answer, (body, error))

    def _start(self, *args: Any) -> Callable[[bytes], object]:
        # The limit knows of the expiry before the event loop acts on it.
        if self._abandoned or (self._limit is not None and self._limit.is_over):
            return _ignore
        return self._start_response(*args)


def _ignore(data: bytes) -> None:
    """Discard data for a response that is not sent."""


def needs_thread(body: Any, environ: Environ) -> bool:
    """Return whether iterating a body may run code of the application."""
    if type(body) is list or type(body) is tuple or hasattr(body, "__aiter__"):
        return False
    wrapper = environ.get("wsgi.file_wrapper")
    return not (isinstance(wrapper, type) and isinstance(body, wrapper))


_Call = tuple["asyncio.Future[Any] | None", bool]
"""The future for the result, and whether to close the body; if not, to return its next part."""


def _iterate(
    body: Iterable[bytes], calls: "SimpleQueue[_Call]", loop: Any, scope: ThreadScope
) -> None:
    """Iterate a body on request, until it is closed."""
    iterator: Iterator[bytes] | None = None
    closing = False
    while not closing:
        with paused():
            future, closing = calls.get()
        part: Any = None
        error: BaseException | None = None
        try:
            if closing:
                # The cancelled call for a part did not wait, so the cancellation is still pending.
                # Clear it, because closing the body may have to wait for a coroutine.
                scope.cancelled = False
                close = getattr(body, "close", None)
                if close is not None:
                    close()
            else:
                iterator = iterator or iter(body)
                part = next(iterator, END_OF_BODY)
        except BaseException as raised:
            error = raised
        if future is not None:
            deliver(loop, future, (part, error))
        del part, error, future


class BodyInThread:
    """A response body that is iterated in the thread of its request.

    Synchronous code that can await iterates it like any other body.

    Args:
        loop: The event loop that serves the request.
        scope: The scope of the thread.
        calls: The queue of calls for the thread.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, scope: ThreadScope, calls: "SimpleQueue[_Call]"
    ) -> None:
        self._loop = loop
        self._scope = scope
        self._calls = calls
        self._closed = False

    async def part(self) -> Any:
        """Return the next part, or :data:`END_OF_BODY`."""
        return await self._call(closing=False)

    async def end(self) -> None:
        """Close the body and release the thread."""
        if not self._closed:
            self._closed = True
            await asyncio.shield(self._call(closing=True))

    async def _call(self, *, closing: bool) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((future, closing))
        try:
            result, error = await future
        except asyncio.CancelledError:
            self._scope.cancel()
            raise
        if error is None:
            return result
        try:
            reraise(error)
        finally:
            del error  # breaks the cycle exception -> traceback -> this frame

    def __iter__(self) -> Iterator[bytes]:
        """Return this object."""
        return self

    def __next__(self) -> bytes:
        """Wait for the next part."""
        part = await_(self.part())
        if part is END_OF_BODY:
            raise StopIteration
        return part  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the body (PEP 3333)."""
        await_(self.end())

    def __del__(self) -> None:
        """Release the thread, which would wait forever if a server did not close the body."""
        if not self._closed:
            self._calls.put((None, True))
