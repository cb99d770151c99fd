"""A time limit for requests: ``aiopyramid.request_timeout``, in seconds."""

import asyncio
from collections.abc import Callable
from typing import Any

from ._bridge.driver import await_in_bridge, in_bridge
from ._bridge.from_thread import DeadlineExceeded, waiting_at_most
from ._requests.time_limit import RequestTimeout, current_limit, is_out_of_time

__all__ = ("RequestTimeout", "make_timeout_tween")

Handler = Callable[[Any], Any]


def make_timeout_tween(handler: Handler, registry: Any, seconds: float) -> Handler:
    """Return a tween that aborts a request after a number of seconds.

    Routing, traversal and the view are timed, but other tweens are not. Code that awaits is
    cancelled, so that its ``finally`` clauses run. Synchronous code cannot be stopped: its thread
    runs to completion, but the client does not wait for it. Its request then fails as well, so that
    its changes are not committed. Under a server that gives the request a thread of its own, only
    the awaits are timed, since no other thread could send the response.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
        seconds: The limit.
    """

    def timeout_tween(request: Any) -> Any:
        if is_out_of_time.get():
            raise RequestTimeout.after(seconds)
        if in_bridge():
            return await_in_bridge(limited(request))
        limit = current_limit.get()
        if limit is None:
            return limited_in_thread(request)
        if not limit.begin():
            raise RequestTimeout.after(seconds)
        token = current_limit.set(None)  # the limit already covers subrequests
        try:
            response = limited_in_thread(request)
        except Exception as error:
            if limit.end():
                raise
            # Replace any error, so that no tween takes it for a reason to retry.
            raise RequestTimeout.after(seconds) from error
        except BaseException:
            limit.end()
            raise
        finally:
            current_limit.reset(token)  # another attempt of the same request is timed as well
        if not limit.end():
            raise RequestTimeout.after(seconds)
        return response

    def limited_in_thread(request: Any) -> Any:
        try:
            with waiting_at_most(seconds):
                return handler(request)
        except DeadlineExceeded as error:
            raise RequestTimeout.after(seconds) from error

    async def limited(request: Any) -> Any:
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                # Synchronous code, called by a coroutine in the same greenlet: it may await.
                return handler(request)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise RequestTimeout.after(seconds) from error

    return timeout_tween
