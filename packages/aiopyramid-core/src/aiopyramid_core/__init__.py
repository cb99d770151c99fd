"""Coroutines in Pyramid, called by code that does not know about them.

Include this package (``config.include("aiopyramid_core")``) and make the views coroutines, one at
a time. Start with ``README.md``. This module exports the names that applications use. Servers
import :mod:`.servers`, Pyramid extensions :mod:`.callables`, tests :mod:`.testing`, and code
written for aiopyramid 0.x :mod:`.legacy`. The modules, in reading order:

``_bridge``
    Greenlets and threads in which synchronous code waits for awaitables of the event loop.
``awaiting``
    ``await_``: wait from wherever you are.
``_server_greenlets``
    The same for servers that create a greenlet of their own for each request.
``_threads``
    The threads for synchronous requests, and those for everything else.
``_off_loop``, ``executor``
    Calls in these threads, for which a greenlet or a coroutine waits.
``decorators``, ``auth``
    ``synchronize`` and its relatives; authentication policies made with it.
``_callables``, ``callables``, ``_coroutines``, ``mappers``
    Which views are coroutines, and how Pyramid calls them.
``_extension_points``
    Everything else that Pyramid calls, wrapped so that it returns results and never coroutines.
``_requests``
    Where a request runs, and how it gets there.
``_isolation``
    State that other servers keep per thread, kept per request here.
``lifespan``, ``_tasks``, ``_overdue``, ``_stop_notice``, ``_turns``, ``_applications``
    The startup and shutdown of an application, and tasks that outlive their response.
``_bodies``, ``_stream_ends``, ``streaming``, ``uploads``, ``_live_body``
    Bodies of responses and requests; server-sent events.
``timeouts``, ``tweens``, ``watchdog``
    Time limits, the request log and the detection of blocking code.
``_observer``, ``_observing``, ``observing``, ``_observed_stream``
    Objects that are told what requests, threads, Tasks and connections do.
``_health``
    Health probes, answered before a request object exists.
``setting_tables``, ``settings``, ``_place``, ``_include``
    How all of this becomes part of an application.
``_reloader``
    Processes that hupper reloads.
``_monkey_patching``
    Detection of monkey-patched processes, in which it cannot.
``_children``
    What a process forked by the application must not share with its worker.
``testing``
    The bridge and real servers, for the tests of an application.
``mypy_plugin``
    Types of classes that are decorated with ``synchronize``.
``contract``, ``response_head``, ``_serving``, ``servers``
    The environ keys that servers and applications share; what servers check; how they run an
    application and send its response; all that they call.
``legacy``
    For code written for aiopyramid 0.x.
``exceptions``
    The tree of all exceptions.
"""

from ._bridge.driver import spawn_greenlet
from ._include import includeme
from ._isolation.scope import request_scope
from ._threads.of_process import thread_counts
from ._threads.pool import ThreadCounts
from .awaiting import await_, can_await, run
from .decorators import spawn_greenlet_on_scope_error, synchronize
from .exceptions import (
    AiopyramidError,
    AlreadyShutDown,
    IncludeMissing,
    NotServed,
    ScopeError,
    StartupError,
)
from .executor import call_in_thread, call_off_loop, use_executor
from .lifespan import spawn
from .mappers import CoroutineMapper, CoroutineOrExecutorMapper, ExecutorMapper

__all__ = (
    "AiopyramidError",
    "AlreadyShutDown",
    "CoroutineMapper",
    "CoroutineOrExecutorMapper",
    "ExecutorMapper",
    "IncludeMissing",
    "NotServed",
    "ScopeError",
    "StartupError",
    "ThreadCounts",
    "await_",
    "call_in_thread",
    "call_off_loop",
    "can_await",
    "includeme",
    "request_scope",
    "run",
    "spawn",
    "spawn_greenlet",
    "spawn_greenlet_on_scope_error",
    "synchronize",
    "thread_counts",
    "use_executor",
)
