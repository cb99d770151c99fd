"""The response to a request whose thread has run out of time."""

import asyncio
import io
from collections.abc import Callable, Iterable
from typing import Any

from .._isolation.scope import current_scope
from .._isolation.transactions import scope_of_this_thread
from ..executor import call_in_thread
from .in_thread import StartResponse, WSGIApplication
from .route_match import ROUTE_MATCH
from .time_limit import RequestTimeout, is_out_of_time

__all__ = ("answer_out_of_time",)


async def answer_out_of_time(
    application: WSGIApplication,
    environ: dict[str, Any],
    start_response: StartResponse,
    seconds: float,
) -> Iterable[bytes]:
    """Respond in place of a request whose thread has run out of time.

    The application handles a separate request that is out of time from the start, so that all
    tweens and exception views run, as they would in a request that awaits.

    Args:
        application: The application.
        environ: A copy of the request's environ, made before the application was called.
        start_response: The server's ``start_response``.
        seconds: The limit. It also limits the time for this response; after that, a plain response
            is sent.
    """
    # The other thread is still reading the body.
    environ |= {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
    environ.pop(ROUTE_MATCH, None)  # the other request has the same dictionary
    started: list[tuple[Any, ...]] = []
    parts: list[bytes] = []

    def start(*args: Any) -> Callable[[bytes], object]:
        started.append(args)
        return parts.append

    def answer() -> None:
        scope = scope_of_this_thread()
        current_scope.set(scope)
        is_out_of_time.set(True)
        try:
            body = application(environ, start)
            try:
                parts.extend(body)
            finally:
                getattr(body, "close", lambda: None)()
        finally:
            scope.has_ended = True

    try:
        async with asyncio.timeout(seconds):
            await call_in_thread(None, answer)
    except TimeoutError:
        plain: Iterable[bytes] = RequestTimeout.after(seconds)(environ, start_response)
        return plain
    start_response(*started[-1])
    return parts
