"""Response and finished callbacks of requests, which may be coroutine functions.

Pyramid calls what ``request.add_response_callback`` was given, and drops what it returns. There is
no hook at that place: a request may be the application's own class, or be made by hand for a
subrequest. So the two methods that do it are replaced here, for the process and once; whoever does
not use coroutines there will not notice.
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
