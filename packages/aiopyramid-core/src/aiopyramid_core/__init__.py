"""Coroutines in Pyramid, called by code that does not know of them.

Include this package (``config.include("aiopyramid_core")``) and every view may be a coroutine,
one at a time. ``README.md`` begins at the beginning. This module has what applications use; servers
import :mod:`.servers`, extensions of Pyramid :mod:`.callables`, tests :mod:`.testing`, and code
written for aiopyramid 0.x :mod:`.legacy`. The modules in reading order, rooms first to last:

``_bridge``
    Greenlets and threads in which synchronous code waits for awaitables of the event loop.
``awaiting``
    ``await_``: wait from wherever you are.
``_server_greenlets``
    The same for servers that make a greenlet of their own for each request.
``_threads``
    The threads for synchronous requests, and those for all else.
``_off_loop``, ``executor``
    Calls in either, for which a greenlet or a coroutine waits.
``decorators``, ``auth``
    ``synchronize`` and its relatives; authentication policies made with it.
``_callables``, ``callables``, ``_coroutines``, ``mappers``
    Which views are coroutines, and how Pyramid calls them.
``_extension_points``
    Everything else that Pyramid calls, such that it gets results and never coroutines.
``_requests``
    Where a request runs, and how it gets there.
``_isolation``
    State that is kept per thread elsewhere, kept per request here.
``lifespan``, ``_tasks``, ``_overdue``, ``_applications``
    The start and the end of an application, and tasks that outlive their response.
``_bodies``, ``streaming``, ``uploads``
    Bodies of responses and requests; server-sent events.
``timeouts``, ``tweens``, ``watchdog``
    What an application on an event loop wants besides.
``_health``
    Probes, answered before there is a request.
``settings``, ``_include``
    How it all becomes part of an application.
``_monkey_patching``
    A kind of process in which it cannot.
``_children``
    What a process that the application forks must not share with its worker.
``testing``
    The bridge and real servers, for the tests of an application.
``contract``, ``response_head``, ``servers``
    What servers and applications tell each other; what servers call and check.
``legacy``
    For code written for aiopyramid 0.x.
``exceptions``
    Every exception, as a tree.
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
