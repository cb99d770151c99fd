"""Asynchronous tweens: how to write one, the request logger, and those that ``includeme`` adds.

A tween may be a coroutine function. It calls its handler as any tween does, without ``await``, and
the tweens above and below it do not have to be asynchronous::

    def quota_tween_factory(handler, registry):
        async def quota_tween(request):
            await check_quota(request)
            return handler(request)
        return quota_tween
"""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from . import _observing
from ._applications import announce
from ._bodies import make_body_portable
from ._bridge.driver import await_in_bridge, in_bridge
from ._isolation.transactions import take_commits_off_loop
from ._observer import Observer
from ._off_loop import finish_transaction
from ._requests.placement import Placement, placement_of
from ._requests.report import report
from .contract import ON_DISCONNECT
from .decorators import synchronize
from .executor import call_in_thread
from .lifespan import Lifespan, lifespan_of
from .settings import Settings
from .timeouts import make_timeout_tween

__all__ = ("ingress_tween_factory", "request_logger_tween_factory", "timeout_tween_factory")

_log = logging.getLogger("aiopyramid_core.requests")
_core_log = logging.getLogger("aiopyramid_core")

Handler = Callable[[Any], Any]

_QUEUE_LINES: Final = 1000
"""The number of lines that may be pending; beyond it, requests wait for the log to catch up."""


def ingress_tween_factory(handler: Handler, registry: Any) -> Handler:
    """Return the outermost tween, which every application needs.

    ``includeme`` adds it, even if the application lists its tweens explicitly
    (``pyramid.tweens``).

    The server learns about the application here and not in a subscriber to ``ApplicationCreated``,
    because a single subscriber makes Pyramid send four events per request, which takes a sixth of
    the time of a small request.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
    """
    lifespan = lifespan_of(registry)
    announce(lifespan)
    # Not during configuration, because pyramid_tm may have been included after a commit.
    take_commits_off_loop(registry, finish_transaction)
    _say_where_requests_run(placement_of(registry))
    if "sqlalchemy.orm" in sys.modules:
        from ._isolation.shared_sessions import watch_sessions

        watch_sessions()
    settings = Settings.from_mapping(registry.settings)
    return _make_ingress_tween(
        handler, registry, lifespan, cancel_on_disconnect=settings.cancel_on_disconnect
    )


def _make_ingress_tween(
    handler: Handler, registry: Any, lifespan: Lifespan, *, cancel_on_disconnect: bool
) -> Handler:
    """Return the tween.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
        lifespan: The application's lifespan, started by the first request if necessary.
        cancel_on_disconnect: Whether a request is cancelled when its client disconnects.
    """

    def ingress_tween(request: Any) -> Any:
        if not lifespan.has_started:
            lifespan.ensure_started()
        # A request in a thread has arranged its cancellation before it got the thread.
        if cancel_on_disconnect and in_bridge():
            on_disconnect = request.environ.get(ON_DISCONNECT)
            if on_disconnect is not None:
                on_disconnect(await_in_bridge(_current_task()).cancel)
        if (observer := _observing.observer) is not None:
            return _observed(observer, handler, request)
        response = handler(request)
        make_body_portable(response)
        return response

    return ingress_tween


def _observed(observer: Observer, handler: Handler, request: Any) -> Any:
    response = None
    observer.request_began(request, on_loop=in_bridge())
    try:
        response = handler(request)
    finally:
        observer.request_ended(request, response)
    make_body_portable(response)
    return response


async def _current_task() -> "asyncio.Task[Any]":
    """Return the request's Task; awaiting this coroutine creates it if there is none yet."""
    task = asyncio.current_task()
    assert task is not None
    return task


def _say_where_requests_run(placement: Placement) -> None:
    placement.warn()
    if _core_log.isEnabledFor(logging.DEBUG):
        _core_log.debug("Where requests run:\n%s", report(placement))


def timeout_tween_factory(handler: Handler, registry: Any) -> Handler:
    """Return the tween that limits the time of requests; added if the setting is present.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
    """
    seconds = Settings.from_mapping(registry.settings).request_timeout_seconds
    return handler if seconds is None else make_timeout_tween(handler, registry, seconds)


def request_logger_tween_factory(handler: Handler, registry: Any) -> Handler:
    """Log each request without ever blocking the event loop.

    ::

        config.add_tween("aiopyramid_core.tweens.request_logger_tween_factory")

    One line per request (method, path, status, milliseconds) at level INFO to the logger
    ``aiopyramid_core.requests``. Its handlers may be slow, such as a file on a network disk or a
    syslog server, because they are called in a thread, one batch of lines after another. Requests
    wait only when 1,000 lines are pending.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
    """
    writer = _Writer(lifespan_of(registry))

    def request_logger_tween(request: Any) -> Any:
        started = time.perf_counter()
        status = 500
        try:
            response = handler(request)
            status = response.status_code
            return response
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            writer.put(f"{request.method} {request.path} {status} {milliseconds:.1f} ms")

    return request_logger_tween


class _Writer:
    """Collects lines on the event loop and writes them in a thread, in order."""

    def __init__(self, lifespan: Lifespan) -> None:
        self._lifespan = lifespan
        self._lines: list[str] = []
        self._writing = False
        self._caught_up = asyncio.Event()

    @synchronize
    async def put(self, line: str) -> None:
        self._lines.append(line)
        if not self._writing:
            # A task of the application, so that its shutdown waits until everything is written.
            self._lifespan.spawn(self._write(), name="request logger")
            self._writing = True
        while len(self._lines) > _QUEUE_LINES:
            self._caught_up.clear()
            await self._caught_up.wait()

    async def _write(self) -> None:
        try:
            while self._lines:
                batch, self._lines = self._lines, []
                self._caught_up.set()
                await call_in_thread(None, _emit, batch)
        finally:
            self._writing = False


def _emit(lines: list[str]) -> None:
    for line in lines:
        _log.info(line)
