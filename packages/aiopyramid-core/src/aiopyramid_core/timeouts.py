"""A time limit for requests: ``aiopyramid.request_timeout``, in seconds."""

import asyncio
from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPServiceUnavailable

from ._bridge import await_in_bridge, in_bridge
from ._portal import DeadlineExceeded, waiting_at_most

__all__ = ("RequestTimeout", "make_timeout_tween")

Handler = Callable[[Any], Any]


class RequestTimeout(HTTPServiceUnavailable):
    """A request took longer than ``aiopyramid.request_timeout``: 503.

    Raised below Pyramid's exception views, so that a view for this class or for
    :class:`pyramid.httpexceptions.HTTPServiceUnavailable` may render it.

    .. versionadded:: 1.0
    """

    explanation = "The server took too long to answer this request."


def make_timeout_tween(handler: Handler, registry: Any, seconds: float) -> Handler:
    """Return a tween that gives up on a request after so many seconds.

    Routing, traversal and the view are timed, but not other tweens. What awaits is cancelled: its
    ``finally`` clauses run. An ordinary view cannot be stopped; its thread goes on to the end,
    only nobody waits for it. Under a server that gives the request a thread of its own, only the
    awaits are timed, since nobody could answer in that thread's place.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
        seconds: The limit.

    .. versionadded:: 1.0
    """

    def timeout_tween(request: Any) -> Any:
        if not in_bridge():
            try:
                with waiting_at_most(seconds):
                    return handler(request)
            except DeadlineExceeded as error:
                raise RequestTimeout(_detail(seconds)) from error
        return await_in_bridge(limited(request))

    async def limited(request: Any) -> Any:
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                # Ordinary code, called by a coroutine in the same greenlet: it may await.
                return handler(request)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise RequestTimeout(_detail(seconds)) from error

    return timeout_tween


def _detail(seconds: float) -> str:
    return f"The limit is {seconds:g} seconds."
