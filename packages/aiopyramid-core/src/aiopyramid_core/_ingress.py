"""The tween next to the server: what every request needs, whatever the application does."""

import asyncio
from collections.abc import Callable
from typing import Any

from .contract import ON_DISCONNECT
from .lifespan import Lifespan
from .scope import await_
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
        if cancel_on_disconnect and (on_disconnect := request.environ.get(ON_DISCONNECT)):
            on_disconnect(await_(_current_task()).cancel)
        response = handler(request)
        make_body_portable(response)
        return response

    return ingress_tween


async def _current_task() -> "asyncio.Task[Any]":
    """Return the request's Task, which is made no later than for this."""
    task = asyncio.current_task()
    assert task is not None
    return task
