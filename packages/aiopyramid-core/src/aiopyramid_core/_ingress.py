"""The tween next to the server: what every request needs, whatever the application does."""

import asyncio
from collections.abc import Callable
from typing import Any

from ._bridge import await_in_bridge, in_bridge
from .contract import ON_DISCONNECT
from .lifespan import Lifespan
from .streaming import make_body_portable

__all__ = ("make_ingress_tween",)

Handler = Callable[[Any], Any]


def make_ingress_tween(
    handler: Handler, registry: Any, lifespan: Lifespan, *, cancel_on_disconnect: bool
) -> Handler:
    """Return the tween.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
        lifespan: The application's lifespan, started with the first request if need be.
        cancel_on_disconnect: Whether a request is cancelled when its client goes away.
    """

    def ingress_tween(request: Any) -> Any:
        lifespan.ensure_started()
        # A request in a thread has arranged for it before it got one.
        if cancel_on_disconnect and in_bridge():
            on_disconnect = request.environ.get(ON_DISCONNECT)
            if on_disconnect is not None:
                on_disconnect(await_in_bridge(_current_task()).cancel)
        response = handler(request)
        make_body_portable(response)
        return response

    return ingress_tween


async def _current_task() -> "asyncio.Task[Any]":
    """Return the request's Task, which is made no later than for this."""
    task = asyncio.current_task()
    assert task is not None
    return task
