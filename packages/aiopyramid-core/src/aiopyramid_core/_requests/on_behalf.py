"""A WSGI application called by a coroutine on behalf of a synchronous request.

The thread of that request waits for the coroutine. So the application is called in that thread, as
it would be without the coroutine in between, and its body is iterated there. But the thread is not
held by the body: it waits for the coroutine, which has the body.
"""

import functools
from collections.abc import Iterable, Iterator

from .._off_loop import call_in_request_thread, off_loop
from .._threads.waiting_thread import a_thread_waits
from ..awaiting import await_
from .in_thread import (
    END_OF_BODY,
    CallInThread,
    Environ,
    StartResponse,
    WSGIApplication,
    needs_thread,
)

__all__ = ("respond_in_thread",)


def respond_in_thread(
    application: WSGIApplication, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    """Call an application in the thread of the request on whose behalf it runs, or in a new one.

    Args:
        application: The application.
        environ: The WSGI environ of the request.
        start_response: Called in the thread.

    Returns:
        The body, to be iterated and closed by code that can await.

    Raises:
        BaseException: Any exception raised by the application.
    """
    if not a_thread_waits():
        return await_(CallInThread(application, environ, start_response).body())
    call = functools.partial(application, environ, start_response)
    body = await_(call_in_request_thread(call, at_once=False))
    return _Body(body) if needs_thread(body, environ) else body


class _Body:
    """A response body that is iterated in the thread of the request on whose behalf it was made."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = off_loop(self._next, at_once=False)
        if part is END_OF_BODY:
            raise StopIteration
        return part  # type: ignore[return-value]

    def _next(self) -> object:
        self._iterator = self._iterator or iter(self._body)
        return next(self._iterator, END_OF_BODY)

    def close(self) -> None:
        if (close := getattr(self._body, "close", None)) is not None:
            off_loop(close, at_once=False)
