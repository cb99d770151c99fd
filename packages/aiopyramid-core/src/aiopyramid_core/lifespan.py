"""Startup and shutdown functions, and background tasks, of an application.

``config.add_startup`` and ``config.add_shutdown`` register functions that run once per worker,
before the first request and after the last; those of ``config.add_stopping`` run in between, when
the server begins to stop and still serves the requests in progress. :func:`spawn` starts a task
that outlives its response. A server of this project starts and stops all applications of its
process (:mod:`aiopyramid_core._applications`). Under any other server the first request waits for
the startup functions, and the process waits for the shutdown functions before it exits.
"""

import asyncio
import enum
import functools
import inspect
import logging
import math
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Final, Literal

from pyramid.threadlocal import get_current_registry, manager

from ._bridge.driver import await_in_bridge, spawn_greenlet
from ._bridge.from_thread import loop_of_this_thread
from ._bridge.process_loop import process_loop
from ._overdue import at_most
from ._stop_notice import StopNotice
from ._tasks import Tasks, name_of
from .awaiting import await_, can_await, run
from .exceptions import AlreadyShutDown, ScopeError, StartupError

__all__ = (
    "Lifespan",
    "install",
    "is_installed",
    "lifespan_of",
    "spawn",
)

_log = logging.getLogger("aiopyramid_core")

Hook = Callable[[Any], Awaitable[None] | None]
"""A coroutine function or a synchronous function that takes the application's registry."""


OnStop = Literal["finish", "cancel"]
"""Whether a background task runs to its end or is cancelled when the server begins to stop."""


class _State(enum.Enum):
    NEW = "not started in this process"
    STARTED = "serving"
    FAILED = "a startup function has failed"
    STOPPED = "shut down"

    # The enumeration's own __hash__ hashes the name, in Python.
    __hash__ = object.__hash__


_TRANSITIONS: Final[dict[_State, frozenset[_State]]] = {
    # Each state to NEW: a child process starts for itself.
    _State.NEW: frozenset({_State.NEW, _State.STARTED, _State.FAILED}),
    # To STARTED again: two threads may have had the first requests.
    _State.STARTED: frozenset({_State.NEW, _State.STARTED, _State.STOPPED}),
    _State.FAILED: frozenset({_State.NEW}),  # in the same process as well, to try again
    _State.STOPPED: frozenset({_State.NEW}),
}


class Lifespan:
    """The startup and shutdown functions and the background tasks of one application.

    Args:
        registry: The application's registry.
        shutdown_timeout_seconds: How long :meth:`stop` waits for background tasks, and then for
            each shutdown function.
        startup_timeout_seconds: How long each startup function may take.
        reconnect_spread_seconds: How long it may take, when the server stops, until all clients of
            long responses have been asked to connect again.

    Attributes:
        has_started: Whether the application has been started, and not stopped again.
    """

    def __init__(
        self,
        registry: Any,
        shutdown_timeout_seconds: float,
        startup_timeout_seconds: float = 60.0,
        reconnect_spread_seconds: float = 2.0,
    ) -> None:
        self._registry = weakref.ref(registry)
        self._startup_timeout_seconds = startup_timeout_seconds
        self._reconnect_spread_seconds = reconnect_spread_seconds
        self._startup: list[Hook] = []
        self._stopping: list[Hook] = []
        self._shutdown: list[Hook] = []
        self._started = 0  # the number of startup functions that have succeeded
        self._tasks = Tasks(shutdown_timeout_seconds)
        self._state = _State.NEW
        self.has_started = False
        self._error: StartupError | None = None
        self._stop_notice = StopNotice()
        self._starting = asyncio.Lock()

    # --- While the application is configured --------------------------------------------------

    def add_startup(self, function: Hook) -> None:
        """Register a function to run before the first request, in the order of registration.

        Args:
            function: A coroutine function or a synchronous function that takes the application's
                registry.
        """
        self._startup.append(function)

    def add_stopping(self, function: Hook) -> None:
        """Register a function to run when the server begins to stop, in the order of registration.

        The requests in progress are served in the meantime. If the function fails, this is logged.
        It is a background task: the worker waits for it up to ``aiopyramid.shutdown_timeout``.

        Args:
            function: A coroutine function or a synchronous function that takes the application's
                registry.
        """
        self._stopping.append(function)

    def add_shutdown(self, function: Hook) -> None:
        """Register a function to run after the last request, in reverse order of registration.

        Args:
            function: A coroutine function or a synchronous function that takes the application's
                registry.
        """
        self._shutdown.append(function)

    # --- While it serves ----------------------------------------------------------------------

    def ensure_started(self) -> None:
        """Start the application if its server has not done so.

        Requests call this, from synchronous code, unless ``has_started``.

        Raises:
            StartupError: A startup function has failed.
        """
        if self.has_started:
            return
        if self._error is not None:
            raise self._error.again() from self._error.error
        if self._state is _State.NEW and not (self._startup or self._stopping or self._shutdown):
            # Do not start an event loop in a process that may never need one.
            self._become(_State.STARTED)
        elif can_await():
            await_(self._start_apart())
        else:
            run(await_, self._start_apart())

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        serves_client: bool = False,
        in_greenlets: bool = True,
        on_stop: OnStop = "finish",
    ) -> "asyncio.Task[Any] | None":
        """Run a coroutine as a background task; see :func:`spawn`.

        Args:
            coroutine: The coroutine to run.
            name: The task's name in the log; by default the coroutine's name.
            serves_client: Whether the task serves a client, as a request does. If so, it gets the
                time that the server gives its requests when the worker stops.
            in_greenlets: Whether synchronous code that the coroutine calls may wait for others.
            on_stop: See :func:`spawn`.

        Returns:
            See :func:`spawn`.

        Raises:
            ValueError: ``on_stop`` is neither of the two. The coroutine is closed.
            AlreadyShutDown: The application no longer waits for background tasks.
        """
        if on_stop not in ("finish", "cancel"):
            coroutine.close()
            raise ValueError(f"on_stop must be 'finish' or 'cancel', got {on_stop!r}")
        if self._state is _State.STOPPED:
            coroutine.close()
            raise AlreadyShutDown(name or name_of(coroutine))
        context = copy_context()
        start = functools.partial(
            self._start, serves_client=serves_client, in_greenlets=in_greenlets, on_stop=on_stop
        )
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loop = loop_of_this_thread() or process_loop()
            loop.call_soon_threadsafe(self._start_unless_stopped, start, coroutine, name, context)
            return None
        return start(coroutine, name, context)

    def _start(
        self,
        coroutine: Coroutine[Any, Any, Any],
        name: str | None,
        context: Context,
        *,
        serves_client: bool,
        in_greenlets: bool,
        on_stop: OnStop,
    ) -> "asyncio.Task[Any]":
        task = self._tasks.start(
            coroutine, name, context, serves_client=serves_client, in_greenlets=in_greenlets
        )
        if on_stop == "cancel":
            withdraw = self.when_stopping(task.cancel)
            task.add_done_callback(lambda task: withdraw())
        return task

    def _start_unless_stopped(
        self,
        start: "Callable[..., asyncio.Task[Any]]",
        coroutine: Coroutine[Any, Any, Any],
        name: str | None,
        context: Context,
    ) -> None:
        """Start a task requested by a thread, unless the application has stopped since."""
        if self._state is not _State.STOPPED:
            start(coroutine, name, context)
            return
        coroutine.close()
        # The caller has returned, so the error can only be logged.
        _log.error("%s", AlreadyShutDown(name or name_of(coroutine)))

    def announce_stop(self, at_most_seconds: float = math.inf) -> None:
        """Give notice that the server was told to stop; once, from any thread.

        Args:
            at_most_seconds: How long the server waits for its clients to go.
        """
        # Half of it is left for those that are asked last.
        self._stop_notice.give(min(self._reconnect_spread_seconds, at_most_seconds / 2))

    @property
    def is_stopping(self) -> bool:
        """Whether the application is stopping or has stopped, so that its tasks are cancelled."""
        return self._stop_notice.is_given

    def when_stopping(
        self, callback: Callable[[], Any], *, in_turn: bool = False
    ) -> Callable[[], None]:
        """Have a callback called on the running event loop when the server begins to stop.

        For code that would otherwise hold the worker up until it is killed: that waits for
        messages, for example. The requests in progress are still served.

        Args:
            callback: A callable without arguments, which must not block. If the server has begun
                to stop already, it is called in the next iteration of the loop.
            in_turn: Whether it sends away a client that will connect to another worker. A few of
                these callbacks are called at a time, over up to ``aiopyramid.reconnect_spread``, so
                that not all clients of a worker come back at the same moment.

        Returns:
            A function that withdraws the callback.

        Raises:
            RuntimeError: No event loop is running in this thread.
        """
        return self._stop_notice.call(callback, in_turn=in_turn)

    @property
    def background_tasks(self) -> int:
        """How many background tasks are running."""
        return self._tasks.background_count

    @property
    def failed_tasks(self) -> int:
        """How many tasks of :func:`spawn`, and tasks that serve clients, have failed."""
        return self._tasks.failed

    async def _start_apart(self) -> None:
        """Start in a new context, because the result outlives the request that came first."""
        await asyncio.create_task(self.start(), context=Context())

    # --- At both ends -------------------------------------------------------------------------

    async def start(self, *, again: bool = False) -> None:
        """Run the startup functions, once.

        Args:
            again: Whether to continue, after a failure, with the function that failed.

        Raises:
            StartupError: A function failed or took longer than ``aiopyramid.startup_timeout``; the
                functions after it were not called.
        """
        async with self._starting:
            if again and self._error is not None:
                self._become(_State.NEW)
                self._error = None
            if self._error is not None:
                raise self._error.again() from self._error.error
            if self._state is not _State.NEW:
                return
            limit = self._startup_timeout_seconds, "aiopyramid.startup_timeout"
            while self._started < len(self._startup):
                function = self._startup[self._started]
                try:
                    await self._call("The startup function", function, *limit)
                except Exception as error:
                    self._become(_State.FAILED)
                    self._error = StartupError(name_of(function), error)
                    raise self._error from error
                self._started += 1
            self._become(_State.STARTED)
            if self._stopping:
                self.when_stopping(self._begin_to_stop)

    async def stop(self, at_most_seconds: float = math.inf) -> None:
        """Wait for the background tasks, then run the shutdown functions; errors are logged.

        Args:
            at_most_seconds: How long the server allows the application to wait: for background
                tasks, if that is less than the setting, and for tasks that serve a client. Each
                shutdown function gets at least one second.
        """
        if not self.is_stopping:  # no server has announced it: the process exits
            self.announce_stop(at_most_seconds)
            if self._stopping:
                await asyncio.sleep(0)  # in which they become background tasks
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most_seconds
        # In a script, an application that has not served a request may have tasks.
        await self._tasks.wait(at_most_seconds)
        if self._state is not _State.STARTED:
            return
        self._become(_State.STOPPED)
        for function in reversed(self._shutdown):
            left = max(_LEAST_SECONDS, end - loop.time())
            limit = min(self._tasks.timeout_seconds, left), "aiopyramid.shutdown_timeout"
            try:
                await self._call("The shutdown function", function, *limit)
            except Exception:
                _log.exception("The shutdown function %s has failed", name_of(function))

    def start_afresh(self) -> None:
        """Forget that the application was started, because this is a new process."""
        self._tasks = Tasks(self._tasks.timeout_seconds)
        self._stop_notice = StopNotice()
        self._become(_State.NEW)
        self._started = 0
        self._error = None
        self._starting = asyncio.Lock()

    def _become(self, state: _State) -> None:
        """Change the state; the only place that does."""
        if state not in _TRANSITIONS[self._state]:
            raise AssertionError(f"invalid transition from {self._state} to {state}")
        self._state = state
        self.has_started = state is _State.STARTED

    def _begin_to_stop(self) -> None:
        self._tasks.start(
            self._call_stopping_functions(),
            "stopping",
            Context(),
            serves_client=False,
            in_greenlets=True,
        )

    async def _call_stopping_functions(self) -> None:
        limit = self._tasks.timeout_seconds, "aiopyramid.shutdown_timeout"
        for function in self._stopping:
            try:
                await self._call("The stopping function", function, *limit)
            except Exception:
                _log.exception("The stopping function %s has failed", name_of(function))

    async def _call(self, kind: str, function: Hook, seconds: float, limit: str) -> None:
        async with at_most(seconds, f"{kind} {name_of(function)}", limit):
            await spawn_greenlet(self._call_in_greenlet, function)

    def _call_in_greenlet(self, function: Hook) -> None:
        registry = self._registry()
        manager.push({"registry": registry, "request": None})
        try:
            result = function(registry)
            if inspect.isawaitable(result):
                await_in_bridge(result)
        finally:
            manager.pop()


_LEAST_SECONDS: Final = 1.0
"""How long a shutdown function may take even if the server's time limit has passed."""

_REGISTRY_KEY: Final = "aiopyramid.lifespan"


def install(registry: Any, lifespan: Lifespan) -> None:
    """Set the lifespan of an application.

    Args:
        registry: The application's registry.
        lifespan: The lifespan that :func:`lifespan_of` will return.
    """
    registry[_REGISTRY_KEY] = lifespan


def is_installed(registry: Any) -> bool:
    """Return whether an application has a lifespan already.

    Args:
        registry: The application's registry.
    """
    return _REGISTRY_KEY in registry


def lifespan_of(registry: Any) -> Lifespan:
    """Return the lifespan of an application that includes ``aiopyramid_core``.

    Args:
        registry: The application's registry.

    Raises:
        KeyError: The application does not include ``aiopyramid_core``.
    """
    lifespan: Lifespan = registry[_REGISTRY_KEY]
    return lifespan


def spawn(
    coroutine: Coroutine[Any, Any, Any],
    /,
    *,
    name: str | None = None,
    on_stop: OnStop = "finish",
) -> "asyncio.Task[Any] | None":
    """Start a background task that outlives the response of the current request.

    ::

        async def order(request):
            ...
            spawn(send_receipt(order))
            return Response("Thank you")

    The task runs on the event loop, in a copy of the request's context. If it fails, the failure is
    logged. When the worker stops, it waits for the task for up to ``aiopyramid.shutdown_timeout``.

    This is a function and not a method of the request, because adding methods to each request costs
    Pyramid as much time as a whole tween.

    Args:
        coroutine: The coroutine to run.
        name: The task's name in the log; by default the coroutine's name.
        on_stop: ``"finish"``, or ``"cancel"`` for a task that has no end of its own, which is then
            cancelled as soon as the server begins to stop.

    Returns:
        The task; None if the caller is in a thread, where a task cannot be used.

    Raises:
        AlreadyShutDown: The application has stopped. The coroutine is closed.
        ScopeError: The caller does not belong to an application. The coroutine is closed.
    """
    registry = get_current_registry()
    if not is_installed(registry):
        coroutine.close()
        raise ScopeError(
            name_of(coroutine),
            "where no application looks after it",
            "Call spawn() in a request, or a task of one, of an application that includes"
            " aiopyramid_core.",
        )
    return lifespan_of(registry).spawn(coroutine, name=name, on_stop=on_stop)
