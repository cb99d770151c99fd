"""Response and finished callbacks of requests, which may be coroutine functions.

Pyramid calls the callbacks of ``request.add_response_callback`` and discards their results. It has
no hook there, since a request may be of the application's own class, or be made by hand for a
subrequest. So the two methods that call the callbacks are replaced here, once per process.
Synchronous callbacks behave as before.
"""

from typing import Any

from pyramid.request import CallbackMethodsMixin

from .awaiting import awaited

__all__ = ("install",)


def install() -> None:
    """Let Pyramid's requests wait for their callbacks."""
    CallbackMethodsMixin._process_response_callbacks = _process_response_callbacks
    CallbackMethodsMixin._process_finished_callbacks = _process_finished_callbacks


def _process_response_callbacks(request: Any, response: Any) -> None:
    callbacks = request.response_callbacks
    while callbacks:
        awaited(callbacks.popleft()(request, response))


def _process_finished_callbacks(request: Any) -> None:
    callbacks = request.finished_callbacks
    while callbacks:
        awaited(callbacks.popleft()(request))
