"""The gunicorn worker class: signals, heartbeat and the life of the event loop.

::

    gunicorn -k aiopyramid_gunicorn.worker.AsyncGunicornWorker app:app
"""

import asyncio
import logging
import mmap
import os
import signal
import ssl
import time
import traceback
from types import FrameType
from typing import Any, ClassVar, Final, NoReturn

from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError, HaltServer
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from aiopyramid_core.servers import (
    DEFAULT_THREADS,
    LAST_WORDS_SECONDS,
    announce_stop,
    disown_children,
    end_process_in,
    finish_tasks,
    health_probes,
    in_threads,
    is_under_reloader,
    loop_of_loaded_application,
    prepare_collector,
    shutdown,
    streams_body,
    use_loop,
)

from ._application import errors_of, errors_of_name, warnings_of
from ._exchange import Services
from ._hooks import RequestHooks
from ._http1.implementation import IMPLEMENTATION, MISMATCH
from ._server import Server
from ._server_settings import server_settings_of
from ._settings import check_settings
from ._starting_workers import StartingWorkers
from ._starts import Starts
from ._startup import finishes_before, start_application
from .exceptions import SettingNotSupported

__all__ = ("AsyncGunicornWorker",)


class AsyncGunicornWorker(Worker):
    """Serves a Pyramid application (any WSGI application) from an asyncio event loop.

    Name it as gunicorn's ``worker_class``. Each request runs in a greenlet in which
    ``aiopyramid_core`` can await; uvloop is used if it is installed. Options for which gunicorn
    has no setting are class attributes, to be overridden in a subclass.

    Attributes:
        body_limit_bytes: Longest request body; longer ones are answered with 413.
        body_memory_bytes: Body size from which a request body is kept in a temporary file.
        head_limit_bytes: Longest head of a request, all fields together; longer ones are answered
            with 431. Trailer fields and chunk extensions together have a limit of the same size.
        head_timeout_seconds: Time for a client to send the head of a request.
        body_timeout_seconds: Time for a client to send the next part of a request body.
        body_grace_seconds: Time for a request body before the minimum rate applies.
        body_rate_bytes_per_second: Minimum average rate of a request body after that; 0 for no
            minimum.
        write_buffer_bytes: How much of a response may be buffered for its client before the
            application has to wait.
        write_timeout_seconds: Time for a client to read any more of a response.
        executor_threads: Maximum number of threads that run synchronous requests at a time, and
            of threads of the event loop's default executor. gunicorn's setting ``threads``, if it
            is above 1, or an executor that the application sets takes precedence over both.
    """

    body_limit_bytes: int = 1 << 30
    body_memory_bytes: int = 512 << 10
    head_limit_bytes: int = 64 << 10
    head_timeout_seconds: float = 30.0
    body_timeout_seconds: float = 30.0
    body_grace_seconds: float = 60.0
    body_rate_bytes_per_second: float = 500.0
    write_buffer_bytes: int = 64 << 10
    write_timeout_seconds: float = 60.0
    executor_threads: int = DEFAULT_THREADS

    loop: asyncio.AbstractEventLoop

    _said: ClassVar[set[str]] = set()
    """Warnings about settings already logged; the arbiter makes an instance for each worker."""

    _has_served: ClassVar[mmap.mmap] = mmap.mmap(-1, 1)
    """Whether any worker of this arbiter has served; all of them share this memory."""

    _starting: ClassVar[StartingWorkers] = StartingWorkers()
    """The workers of this arbiter that do not serve yet."""

    _server: Server | None = None

    # --- Called by gunicorn -------------------------------------------------------------------

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Check the settings; gunicorn calls this in its main process, before it forks."""
        super().__init__(*args, **kwargs)
        try:
            news = [text for text in check_settings(self.cfg) if text not in self._said]
        except SettingNotSupported as error:
            raise HaltServer(str(error), Arbiter.WORKER_BOOT_ERROR) from error
        if MISMATCH is not None:
            raise HaltServer(MISMATCH, Arbiter.WORKER_BOOT_ERROR)
        for text in news:
            self.log.warning("%s", text)
        self._said.update(news)
        self._starting.announce(self.age)
        # Here, because this still is the arbiter: since Python 3.12 a fork forgets the event loop.
        # The loop is kept, because it shuts its executor down when it is garbage collected.
        self._loop_of_application = loop_of_loaded_application()

    @property
    def pid(self) -> int | str:
        """The process id; the arbiter sets it in its own process, too, as soon as it has forked."""
        return self._pid

    @pid.setter
    def pid(self, pid: int | str) -> None:
        self._pid = pid
        if isinstance(pid, int):  # before the fork it is a text
            self._starting.begin(self.age, pid)

    def init_process(self) -> None:
        """Set up this process and serve; return when the worker has stopped."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            # Until init_signals a worker has the arbiter's handlers, which do nothing here: a
            # signal that arrives before would be lost, and the arbiter waits for us to exit.
            signal.signal(number, signal.SIG_DFL)
        self.loop = _new_event_loop()
        use_loop(self.loop, self._loop_of_application, self._threads())
        self._stop_wanted = asyncio.Event()
        self._stop_at_once = False
        self._end = 0.0
        disown_children(_SIGNALS, self._sockets)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application and check it."""
        try:
            super().load_wsgi()
        except AppImportError:
            for text in errors_of_name(getattr(self.app, "app_uri", None) or ""):
                self.log.critical("%s", text)
            raise
        errors = list(errors_of(self.wsgi))
        for text in errors:
            self.log.critical("%s", text)
        if errors:
            self._exit_for_good()
        self.log.debug("Usual requests are handled by code in this form: %s", IMPLEMENTATION)
        for text in warnings_of(self.wsgi):
            self.log.warning("%s", text)

    def init_signals(self) -> None:
        """Install signal handlers; while the application loads, they bypass the event loop.

        uvloop (0.22) loses signals that arrive before it runs, and the arbiter would then wait for
        us until it sends SIGKILL.
        """
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGINT, self.handle_quit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        # Never through the loop: the arbiter sends it when the loop does not respond.
        signal.signal(signal.SIGABRT, self.handle_abort)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop as soon as the application has been loaded."""
        self._stop()

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """The arbiter has not heard of this worker for ``timeout`` seconds."""
        self.log.critical(
            "The event loop was blocked for %g seconds (timeout), here:\n%s",
            self.cfg.timeout,
            "".join(traceback.format_stack(frame)),
        )
        # The SystemExit raised below frees the loop, but the code that blocks it may catch it.
        self._stop_at_once = True
        self.loop.call_soon_threadsafe(self._stop_wanted.set)
        super().handle_abort(sig, frame)

    def run(self) -> None:
        """Serve until told to stop."""
        serving = self.loop.create_task(self._serve())
        try:
            while not serving.done():
                self._run_loop_until(serving)
            serving.result()  # raises its exception, if there is one
        finally:
            self._close_loop()
        end_process_in(self._seconds_for_threads(), 0, self.log)

    # --- Private ------------------------------------------------------------------------------

    def _run_loop_until(self, serving: "asyncio.Task[None]") -> None:
        """Run the event loop; also return when a task other than ``serving`` tries to end it.

        Event loops let these two exceptions through, whichever task or callback raised them. That
        is an error of one request, which must not abort all the others.
        """
        try:
            self.loop.run_until_complete(serving)
        except (SystemExit, KeyboardInterrupt) as error:
            if serving.done() or self._stop_at_once:
                raise
            kind = type(error).__name__
            self.log.exception(
                "%s was raised in a task or callback, and does not end the worker", kind
            )

    def _threads(self) -> int:
        """Return how many threads may run synchronous requests at a time."""
        threads: int = self.cfg.threads
        # 1 is gunicorn's default, which means that no threads are used.
        return threads if threads > 1 else self.executor_threads

    def _sockets(self) -> list[int]:
        """Return the descriptors of the sockets that child processes must not keep open."""
        listening = [listener.sock.fileno() for listener in self.sockets]
        return listening + ([] if self._server is None else self._server.descriptors())

    def _stop(self) -> None:
        """Stop when the requests in progress have finished."""
        self.alive = False
        self._starting.done(self.age)
        self._stop_wanted.set()

    def _restart(self) -> None:
        """Stop: ``max_requests`` is reached. The arbiter starts another worker after this one."""
        if self.alive:
            self.log.info("Autorestarting worker after %d requests.", self.max_requests)
            self._stop()

    def _quit(self) -> None:
        """Stop now."""
        self._stop_at_once = True
        try:
            if self.alive:
                self.cfg.worker_int(self)
        finally:
            self._stop()

    async def _serve(self) -> None:
        # From now on signals are handled between two callbacks. None is lost in between, because
        # both kinds of handlers call _stop.
        self.loop.add_signal_handler(signal.SIGTERM, self._stop)
        self.loop.add_signal_handler(signal.SIGINT, self._quit)
        self.loop.add_signal_handler(signal.SIGQUIT, self._quit)
        self.loop.add_signal_handler(signal.SIGUSR1, self.log.reopen_files)
        if not self.alive:
            return
        self._beat()
        start = start_application(
            str(self), self.log, has_served=bool(self._has_served[0]), give_up=self._exit_for_good
        )
        if not await finishes_before(self._stop_wanted, start):
            self.log.warning("%s was told to stop before the application had started", self)
            return
        prepare_collector()
        tls = self._make_tls_context() if self.cfg.is_ssl else None
        self._server = server = self._make_server()
        server.listen([listener.sock for listener in self.sockets], tls)
        self._has_served[0] = 1
        self._starting.done(self.age)
        # The reloader runs in a thread and writes to this pipe after it has cleared ``alive``.
        self.loop.add_reader(self.PIPE[0], self._stop)
        await self._stop_wanted.wait()
        self._end = end = time.monotonic() + self._patience_seconds()
        await self._until_others_serve()
        self.log.debug("%s stops accepting", self)
        patience_seconds = 0.0 if self._stop_at_once else end - time.monotonic()
        announce_stop(patience_seconds)
        cut = await server.drain(patience_seconds)
        if cut:
            self.log.warning("%s broke off %d requests to stop in time", self, cut)
        await shutdown(max(0.0, end - time.monotonic()))
        self._next_beat.cancel()

    async def _until_others_serve(self) -> None:
        """Wait for the workers that are starting; they may be the ones that replace this one.

        At most half of the time that a drain may take, so that the rest is left for the requests
        that are accepted in the meantime.
        """
        latest = time.monotonic() + self._patience_seconds() / 2
        while self._starting.any() and not self._stop_at_once:
            if time.monotonic() > latest:
                self.log.warning("%s stops accepting although no other worker has started", self)
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _make_tls_context(self) -> ssl.SSLContext:
        try:
            context: ssl.SSLContext = ssl_context(self.cfg)
        except (OSError, ssl.SSLError) as error:
            self.log.critical("Invalid TLS settings (certfile, keyfile or another): %s", error)
            self._exit_for_good()
        # gunicorn's context may offer HTTP/2 as well.
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _exit_for_good(self) -> NoReturn:
        """Exit with the status that tells gunicorn not to start another worker instead."""
        self.cfg.worker_exit(self.app, self)
        logging.shutdown()
        # Not SystemExit: under pserve this process is a fork of it, and pserve would treat the
        # exception as its own exit and return as if nothing was wrong.
        os._exit(Arbiter.WORKER_BOOT_ERROR)

    def _patience_seconds(self) -> float:
        """Return how long a drain may take to finish before the arbiter sends SIGKILL."""
        if is_under_reloader():
            return _RELOAD_SECONDS
        graceful_timeout: float = self.cfg.graceful_timeout
        return max(0.0, graceful_timeout - LAST_WORDS_SECONDS - 0.5)

    def _seconds_for_threads(self) -> float:
        """Return how long threads may continue before the arbiter kills the process."""
        left = 0.0 if self._stop_at_once else self._end - time.monotonic()
        # The last heartbeat: the arbiter must not mistake us for a worker whose loop is blocked.
        self.notify()
        timeout: float = self.cfg.timeout
        return min(left, timeout - 1.0) if timeout else left

    def _make_server(self) -> Server:
        return Server(
            Services(
                in_threads(self.wsgi, self.log.info),
                self.log,
                RequestHooks.of(self),
                streams_body(self.wsgi),
                Starts(health_probes(self.wsgi)),
            ),
            server_settings_of(self),
            self.loop,
            self._restart,
        )

    def _beat(self) -> None:
        """Tell the arbiter that the loop is alive, and expire connections; runs once a second."""
        # gunicorn halves the setting before it passes it on, which leaves half of it for delays.
        interval_seconds = min(1.0, self.timeout / 2) or 1.0
        # Not a Task, which any code could cancel. The next beat is scheduled first, so that it
        # runs even if this one fails.
        self._next_beat = self.loop.call_later(interval_seconds, self._beat)
        try:
            self.notify()
            if self._server is not None:
                self._server.expire()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                self._stop()
        except Exception:
            self.log.exception("The heartbeat of %s has failed", self)

    def _close_loop(self) -> None:
        self.loop.run_until_complete(finish_tasks(self.log))
        # asyncio's loop closes its wake-up socket before it removes its signal handlers. The worker
        # is exiting already, and a signal must not end it halfway through its last hooks.
        for number in _SIGNALS_OF_LOOP:
            signal.signal(number, signal.SIG_IGN)
            self.loop.remove_signal_handler(number)  # which restores the default
            signal.signal(number, signal.SIG_IGN)
        self.loop.close()


_LOOK_SECONDS: Final = 0.05
"""How often a worker that was told to stop checks whether others are starting."""

_RELOAD_SECONDS: Final = 0.3
"""How long requests may continue when ``pserve --reload`` restarts the server.

hupper kills the arbiter after a second, in which the arbiter must also notice that its workers have
exited; a worker without an arbiter would keep the port for up to another second.
"""

_SIGNALS_OF_LOOP: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1)
"""Signals that the worker handles through the event loop."""

_SIGNALS: Final = (*_SIGNALS_OF_LOOP, signal.SIGWINCH, signal.SIGABRT)
"""Signals that the worker handles."""


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
