"""The one event loop of a process, for code in threads that have none.

A server of this project adopts the loop from which it serves. In every other process (waitress,
mod_wsgi, gunicorn's sync and gthread workers, tests, scripts) a loop is started in a thread of its
own when it is first needed. Either way there is one loop per process and it lives as long as the
process, so that objects bound to a loop, such as a connection pool, outlive a request.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Final

from .._threads.executors import LastThreadExecutor, RequestExecutor
from .._threads.of_process import request_threads
from .._threads.pool import DEFAULT_THREADS
from .._threads.waiting_thread import WaitingThread

__all__ = ("adopt_loop", "before_stop", "process_loop")

_log = logging.getLogger("aiopyramid_core")

_STOP_SECONDS: Final = 5.0
"""How long the process waits, before it exits, for the loop's cancelled tasks to end."""

_CALLBACKS_SECONDS: Final = 60.0
"""How long it waits for the shutdown of applications, which has tighter limits of its own."""

BeforeStop = Callable[[], Awaitable[None]]


class _ProcessLoop:
    """The process's event loop: adopted, or started in a daemon thread when first asked for."""

    def __init__(self, before_stop: list[BeforeStop]) -> None:
        self.before_stop = before_stop
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop; it runs, unless it was adopted and its server has not started."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            return loop
        with self._lock:
            # A closed loop is that of a server which has ended, in a test for example.
            if self._loop is None or self._loop.is_closed():
                # In a new context, because a loop keeps the context in which it was created, and
                # with it the whole request that needed it first.
                self._loop = self._own_loop = Context().run(self._start)
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.set_default_executor(RequestExecutor(DEFAULT_THREADS))
        running = threading.Event()
        loop.call_soon(running.set)
        self._thread = threading.Thread(
            target=_run, args=(loop,), name="aiopyramid-loop", daemon=True
        )
        self._thread.start()
        running.wait()
        _log.info(
            "This server has no event loop: coroutines run on one in the thread %s (%s)",
            self._thread.name,
            type(loop).__name__,
        )
        return loop

    def adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make a server's loop the loop of the process."""
        with self._lock:
            has_other = self._own_loop is not None and self._loop is self._own_loop
            self._loop = loop
        if has_other:
            _log.warning(
                "Coroutines have run before the server had an event loop, on one of their own: what"
                " they have bound to it, such as a pool of connections, does not work on the"
                " server's loop. Make it in a function of config.add_startup"
            )
        _follow_default_executor(loop)

    def stop(self) -> None:
        """Stop a loop that was started here and wait, up to a limit, until its tasks have ended."""
        with self._lock:
            loop, self._own_loop = self._own_loop, None
            if self._loop is loop:
                self._loop = None
        if loop is not None and self._thread is not None:
            this_thread = WaitingThread()
            executor = LastThreadExecutor(this_thread)
            loop.call_soon_threadsafe(loop.set_default_executor, executor)
            callbacks = asyncio.run_coroutine_threadsafe(self._run_callbacks(), loop)
            this_thread.wait_for(callbacks, time.monotonic() + _CALLBACKS_SECONDS)
            this_thread.end()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(_STOP_SECONDS)

    async def _run_callbacks(self) -> None:
        for callback in self.before_stop:
            try:
                await callback()
            except Exception:
                _log.exception("Stopping the event loop: %r has failed", callback)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        while True:
            # SystemExit and KeyboardInterrupt from a Task of the application arrive here. The other
            # users of the loop must not lose it for that.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                loop.run_forever()
                break
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:  # otherwise gather() would use whichever loop is current in the thread
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _follow_default_executor(loop: asyncio.AbstractEventLoop) -> None:
    """Use as many threads for synchronous requests as the loop's default executor has.

    Synchronous views used to run in that executor, and applications set it to choose the number of
    threads. A loop does not reveal which executor it has.
    """
    set_default_executor = loop.set_default_executor

    def set_and_follow(executor: Any) -> None:
        set_default_executor(executor)
        most = getattr(executor, "_max_workers", None)
        if isinstance(most, int):
            request_threads().limit = most

    loop.set_default_executor = set_and_follow  # type: ignore[method-assign]


_current = _ProcessLoop([])
_of_parents: Final[list[_ProcessLoop]] = []


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this process; start one if there is none yet."""
    return _current.get()


def adopt_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Make a server's event loop the one of this process.

    Servers call this in the process that will run the loop, before the application is loaded. A
    default executor that is set on the loop from now on also sets the number of threads for
    synchronous requests.

    Args:
        loop: The loop from which requests will be served, running or not.
    """
    _current.adopt(loop)


def before_stop(callback: BeforeStop) -> None:
    """Register a coroutine function to await on a loop started here before the process exits."""
    _current.before_stop.append(callback)


def _stop_at_exit() -> None:
    _current.stop()


def _start_afresh_in_child() -> None:
    """Forget the parent's loop after a fork: its thread does not exist in the child.

    It must be neither closed here nor garbage collected, since the parent still uses its selector.
    """
    global _current
    _of_parents.append(_current)
    _current = _ProcessLoop(_current.before_stop)


# Not atexit.register, if there is a choice: by then the interpreter has shut down all thread pools,
# which background tasks and shutdown functions may still need. These callbacks run earlier, in
# reverse order of registration; concurrent.futures registered its own when ``executor`` was
# imported.
getattr(threading, "_register_atexit", atexit.register)(_stop_at_exit)
os.register_at_fork(after_in_child=_start_afresh_in_child)
