"""Placement of requests, wherever their server has received them.

The execution policy is the outermost component that Pyramid lets an application replace. It
comprises the whole request, from the request factory to the last finished callback. So it is the
execution policy that decides where a request runs.

=================================  ==============================  =================================
the server calls the application   a synchronous request           a coroutine request
=================================  ==============================  =================================
in a greenlet of the bridge        goes to a thread, with all      stays: all of it runs on the
                                   that belongs to it              event loop
in a thread of its own             stays                           stays; the thread waits for what
                                                                   awaits
in a thread of ours                stays: some middleware is       stays, as above
                                   around the application, or
                                   the server has placed it
=================================  ==============================  =================================

A server of this project places requests in the same way before it calls the application, so that
agents which wrap the router (New Relic, Sentry) run in the thread as well.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

from pyramid.httpexceptions import HTTPServiceUnavailable
from pyramid.interfaces import IExecutionPolicy
from pyramid.router import Router, default_execution_policy

from .._bridge.from_thread import cancel_what_this_thread_awaits, loop_of_this_thread, may_wait
from .._bridge.refusal import on_a_loop
from .._bridge.sqlalchemy import can_switch
from .._health import Health, health_of
from .._isolation.scope import call_in_scope_of_coroutine_request
from .._threads.waiting_thread import a_thread_waits
from ..awaiting import await_, can_await
from ..contract import ON_DISCONNECT
from ..settings import Settings
from .in_server_thread import RequestInServerThread
from .in_thread import CallInThread, Environ, StartResponse, WSGIApplication
from .on_behalf import respond_in_thread
from .out_of_time import answer_out_of_time
from .placement import Placement, placement_of
from .time_limit import OutOfTime

__all__ = ("placed", "wrap_execution_policy")

Policy = Callable[[Environ, Any], Any]

_PLACED: Final = "aiopyramid.placed"
"""An environ key of requests that already run where they belong. Its value is whether that is the
event loop.

Unlike for a request below middleware, the code that set the key cancels the request when its client
disconnects.
"""


def placed(router: Router) -> WSGIApplication:
    """Return an application that moves its synchronous requests to a thread before the router runs.

    Args:
        router: A Pyramid application that includes ``aiopyramid_core``.
    """
    runs_on_loop = placement_of(router.registry).runs_on_loop
    settings = Settings.from_mapping(router.registry.settings)
    health = health_of(router.registry)

    def placed_application(environ: Environ, start_response: StartResponse) -> Any:
        is_probe = health.answers and health.answer(environ) is not None
        on_loop = is_probe or runs_on_loop(environ)
        environ[_PLACED] = on_loop
        if on_loop:
            return router(environ, start_response)
        return _respond_in_thread(router, settings, environ, start_response)

    return placed_application


def wrap_execution_policy(registry: Any, placement: Placement, settings: Settings) -> None:
    """Make an application's execution policy, custom or default, place its requests.

    Args:
        registry: The application's registry, once configuration is complete.
        placement: Decides where each request runs.
        settings: The application's settings.
    """

    def wrap(policy: Policy) -> Policy:
        return _wrapped(policy, placement, settings, health_of(registry))

    policy = registry.queryUtility(IExecutionPolicy, default=default_execution_policy)
    registry.registerUtility(wrap(policy), IExecutionPolicy)
    # Configuration may continue after a commit, with pyramid_retry for example.
    registry.utilities.wrap_execution_policy = wrap


def _wrapped(policy: Policy, placement: Placement, settings: Settings, health: Health) -> Policy:
    runs_on_loop = placement.runs_on_loop

    def execution_policy(environ: Environ, router: Any) -> Any:
        if health.answers and (answer := health.answer(environ)) is not None:
            return _answer_probe(answer)
        is_on_loop = environ.pop(_PLACED, None)
        if is_on_loop:  # placed in a greenlet just now, so there is no need to look for one
            return call_in_scope_of_coroutine_request(policy, environ, router)
        if can_switch():
            if runs_on_loop(environ):
                return call_in_scope_of_coroutine_request(policy, environ, router)
            return functools.partial(_respond_in_thread, _whole(policy, router), settings)
        if may_wait():
            is_placed = is_on_loop is not None
            if settings.cancel_on_disconnect and ON_DISCONNECT in environ and not is_placed:
                # Only the event loop's thread may register this with the server.
                loop = loop_of_this_thread()
                assert loop is not None
                loop.call_soon_threadsafe(environ[ON_DISCONNECT], cancel_what_this_thread_awaits())
            return policy(environ, router)
        if on_a_loop():
            return policy(environ, router)
        return _in_server_thread(policy, environ, router)

    return execution_policy


def _in_server_thread(policy: Policy, environ: Environ, router: Any) -> Any:
    request = RequestInServerThread()
    try:
        response = request.call(policy, environ, router)
    except asyncio.CancelledError:
        # An await in the request was cancelled, which exception views do not see. On an event loop
        # the server has cancelled it and handles the error. Here it does not know such errors.
        response = HTTPServiceUnavailable("The request was cancelled.")
    return request.body_of(response)


def _answer_probe(answer: Callable[[], Any]) -> Any:
    if can_await() or on_a_loop():
        return answer()
    return RequestInServerThread().call(answer)


def _whole(policy: Policy, router: Any) -> WSGIApplication:
    def whole_request(environ: Environ, start_response: StartResponse) -> Any:
        return policy(environ, router)(environ, start_response)

    return whole_request


def _respond_in_thread(
    application: WSGIApplication,
    settings: Settings,
    environ: Environ,
    start_response: StartResponse,
) -> Iterable[bytes]:
    is_limited = settings.request_timeout_seconds is not None or settings.cancel_on_disconnect
    if not is_limited or a_thread_waits():  # which has its own limits
        return respond_in_thread(application, environ, start_response)
    return await_(_limited(application, environ, start_response, settings))


async def _limited(
    application: WSGIApplication,
    environ: Environ,
    start_response: StartResponse,
    settings: Settings,
) -> Iterable[bytes]:
    """Call an application in a thread, within the limits of the settings."""
    if settings.cancel_on_disconnect and (on_disconnect := environ.get(ON_DISCONNECT)):
        task = asyncio.current_task()
        assert task is not None
        on_disconnect(task.cancel)
    seconds = settings.request_timeout_seconds
    if seconds is None:
        return await CallInThread(application, environ, start_response).body()
    untouched = environ.copy()
    call = CallInThread(application, environ, start_response)
    call.limit(seconds)
    try:
        return await call.body()
    except OutOfTime:
        return await answer_out_of_time(application, untouched, start_response, seconds)
