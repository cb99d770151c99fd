"""The life of a uWSGI worker: its event loop, its signals, its start and its end.

uWSGI's plugin asks asyncio for the current event loop, runs it and never returns. This module
schedules all other work on that loop. uWSGI itself aborts all requests when a worker is told to
stop, so the worker handles those signals here.
"""

import asyncio
import importlib
import logging
import signal
import sys
from collections.abc import Callable
from typing import Final

from pyramid.exceptions import ConfigurationError

from aiopyramid_core import StartupError
from aiopyramid_core.servers import (
    DEFAULT_THREADS,
    LAST_WORDS_SECONDS,
    THREADS_SECONDS,
    announce_stop,
    disown_children,
    end_process_in,
    finish_tasks,
    loop_of_loaded_application,
    prepare_collector,
    shutdown,
    startup,
    use_loop,
)

from . import _api
from ._endless import make_endless
from ._exchange import Exchange
from ._listening import Listening
from ._settings import UWSGISettings
from .exceptions import EngineMissing

__all__ = ("Worker", "check_engine")

_log = logging.getLogger("aiopyramid_uwsgi")

_EXIT_CODES: Final = {
    # The exit codes of uWSGI's own handlers: reload, and end.
    signal.SIGHUP: 17,
    signal.SIGINT: 30,
    signal.SIGTERM: 30,
}

_STARTUP_FAILED: Final = 22
"""The exit code with which uWSGI learns that the application cannot be loaded."""


_TRY_AGAIN: Final = 1
"""An exit code without a special meaning for uWSGI, which then starts another worker."""

_RETRY_SECONDS: Final = 2.0
"""How long to wait before another attempt to start an application that could not start."""


def check_engine() -> None:
    """Make sure that uWSGI runs with the options that the application needs.

    Raises:
        EngineMissing: It does not; the message names the option.
    """
    if _api.loop_engine() != "asyncio":
        raise EngineMissing("--asyncio 100", "There would be no event loop to await on.")
    if not _api.has_option("greenlet"):
        raise EngineMissing("--greenlet", "Each request would block all others.")


class Worker:
    """This process's worker, for all its applications.

    Args:
        settings: The settings of the first application.
    """

    def __init__(self, settings: UWSGISettings) -> None:
        self._settings = settings
        self._exchanges: set[Exchange] = set()
        # Never closed or freed: the selector of a loop from before a fork also belongs to the
        # parent, and a loop shuts its executor down when it is closed.
        before = loop_of_loaded_application()
        self._loops = [] if before is None else [before]
        self._ending: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._deserted = asyncio.Event()
        # Until the worker serves, the loop may be run by the application while it is loaded.
        self._may_end = True

    def prepare(self) -> None:
        """Set up the event loop, here and in the processes to be forked from this one.

        Raises:
            ConfigurationError: The kind of loop that the setting names is not installed.
        """
        wanted = _loop_factory(self._settings.loop)
        # If applications are loaded before the fork, the loop on which they await something never
        # serves, and a uvloop would not reveal the executor that they have set.
        self._make_loop(wanted if _api.has_option("lazy-apps") else asyncio.new_event_loop)
        # A worker that shared its loop with other workers would break it for them.
        _api.on_fork(lambda: self._make_loop(wanted))

    def _make_loop(self, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        loop = new_loop()
        use_loop(loop, self._loops[-1] if self._loops else None, DEFAULT_THREADS)
        self._loops.append(loop)
        make_endless(loop, lambda: self._may_end)
        # The first callback when the plugin runs the loop, because uWSGI sets its signal handlers
        # after it has called us.
        loop.call_soon(self._begin, Listening(loop))

    # --- Requests -----------------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        """Whether the worker has been told to stop."""
        return self._ending is not None

    def remember(self, exchange: Exchange) -> None:
        """Add a request that has arrived."""
        self._exchanges.add(exchange)

    def forget(self, exchange: Exchange) -> None:
        """Remove a request that was answered."""
        self._exchanges.discard(exchange)
        if not self._exchanges:
            self._deserted.set()

    # --- Beginning and end --------------------------------------------------------------------

    def _begin(self, listening: Listening) -> None:
        loop = asyncio.get_running_loop()
        if _is_run_by_application():
            loop.call_later(_LOADING_SECONDS, self._begin, listening)
            return
        self._may_end = False
        listening.plugin_has_begun()
        # Not before, because uWSGI itself forks workers.
        disown_children(_EXIT_CODES, self._sockets)
        for number in _EXIT_CODES:
            loop.add_signal_handler(number, self._stop, number, listening)
        # uWSGI's handler asks Python for the current greenlet, within a write that has released the
        # GIL: a client that has gone would crash the worker. The write itself reports the error.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._starting = loop.create_task(self._start(listening))

    async def _start(self, listening: Listening) -> None:
        try:
            await startup()
        except StartupError as error:
            _log.critical("%s", error, exc_info=error.error)
            if _api.is_replacement():
                await self._make_way()
                return
            if _api.has_option("need-app"):
                _api.end_server()
            self._exit_soon(_STARTUP_FAILED)
        else:
            prepare_collector()
            listening.begin()

    async def _make_way(self) -> None:
        """Exit after a pause, so that another worker is started."""
        _log.critical("This worker could not start; another one tries in %gs", _RETRY_SECONDS)
        await asyncio.sleep(_RETRY_SECONDS)
        self._exit_soon(_TRY_AGAIN)

    def _sockets(self) -> list[int]:
        """Return the descriptors of the sockets that child processes must not keep open."""
        connections = [exchange.descriptor for exchange in self._exchanges]
        return [*_api.listening_sockets(), *connections]

    def _stop(self, number: signal.Signals, listening: Listening) -> None:
        if self._ending is None:
            _log.info("%s: finishing %d requests", number.name, len(self._exchanges))
            announce_stop(self._patience_seconds())
            listening.end()
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self._end(_EXIT_CODES[number]))
            for exchange in tuple(self._exchanges):
                self._have(exchange, exchange.stop)

    def _have(self, exchange: Exchange, act: Callable[[], None]) -> None:
        """Call a method of an exchange; if it fails, only this exchange is aborted."""
        try:
            act()
        except Exception:
            _log.exception("%s has failed, and is broken off", exchange.name)
            exchange.cancel()

    async def _end(self, exit_code: int) -> None:
        try:
            await self._finish()
        finally:
            self._exit_soon(exit_code)

    async def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience_seconds()
        # For requests on connections that have only just been accepted.
        await asyncio.sleep(_ACCEPTED_SECONDS)
        if not await self._is_deserted_within(end - loop.time()):
            cut = tuple(self._exchanges)
            _log.warning("Breaking off %d requests to stop in time", len(cut))
            for exchange in cut:
                self._have(exchange, exchange.cancel)
            await self._is_deserted_within(LAST_WORDS_SECONDS)
        await shutdown(max(0.0, end - loop.time()))
        await finish_tasks(_log)

    def _patience_seconds(self) -> float:
        """Return how long requests may continue before the master would kill this worker."""
        mercy = _api.seconds_of_mercy() - LAST_WORDS_SECONDS - THREADS_SECONDS - 1.0
        return max(0.0, min(self._settings.graceful_timeout_seconds, mercy))

    async def _is_deserted_within(self, seconds: float) -> bool:
        if self._exchanges:
            self._deserted.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._deserted.wait()
            except TimeoutError:
                return False
        return True

    def _exit_soon(self, code: int) -> None:
        self._may_end = True
        end_process_in(THREADS_SECONDS, code, _log)
        # Not from a Task, which would keep the SystemExit for the code that awaits it.
        asyncio.get_running_loop().call_soon(sys.exit, code)


def _is_run_by_application() -> bool:
    """Return whether the application, while it is loaded, runs the loop to await something.

    uWSGI's plugin runs the loop from C, so that only frames of asyncio are below the callback.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals.get("__name__", "").partition(".")[0] not in ("asyncio", __package__)


_LOADING_SECONDS: Final = 0.01
"""How often to check whether the application is loaded."""

_ACCEPTED_SECONDS: Final = 0.1
"""How long a client may take to send its request if the worker is told to stop just before."""


def _loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind == "asyncio":
        return asyncio.new_event_loop
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError as error:
        raise ConfigurationError(
            "The setting aiopyramid.uwsgi.loop is 'uvloop', which is not installed: install"
            " aiopyramid-uwsgi[uvloop]"
        ) from error
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
