"""Coroutines in Pyramid, called by code that knows nothing of them.

Include this package (``config.include("aiopyramid_core")``) and every view may be a coroutine,
one at a time. ``README.md`` begins at the beginning; the modules in reading order:

``_bridge``, ``_greenlets``
    Greenlets in which ordinary code waits for awaitables of the event loop.
``_by_hand``
    Greenlets that code of earlier versions switches itself.
``_waiting_tasks``
    The same in Tasks that requests make.
``_portal``, ``_waiting``, ``_process_loop``
    The same for threads, and the event loop of processes whose server has none.
``scope``, ``_sqlalchemy``
    ``await_``: wait from wherever you are, below SQLAlchemy's asyncio sessions as well.
``_hosted``
    The same for servers that make a greenlet of their own for each request.
``_request_threads``, ``_executors``, ``_off_loop``, ``executor``
    The threads for synchronous requests, those for all else, and calls in either.
``decorators``, ``auth``
    ``synchronize`` and its relatives; authentication policies made with it.
``_callables``, ``_coroutines``, ``mappers``
    Which views are coroutines, and how Pyramid calls them.
``_awaiting``, ``_registry``, ``_extension_points``, ``_committed_before``
    What Pyramid holds of the application, such that it gets results and never coroutines.
``_policies``, ``_session_requests``, ``_predicates``, ``_collections``, ``_renderers``
    The same for each kind of extension point.
``_view_derivers``, ``_view_layers``, ``_cornice``, ``_closures``
    The layers of a view, its decorators, and libraries that call views.
``_configuration``
    The code that configures the application.
``_request_callbacks``, ``_acl``, ``_locations``, ``_session_helper``, ``_traversal``
    Five places of which Pyramid's registry knows nothing.
``_failures``
    Exceptions that leave coroutines, as Pyramid expects them.
``_view_records``, ``_route_index``, ``_placement``, ``_placement_report``, ``_aioviews``
    Where a request runs, as its path and the views tell; the command that prints it.
``_route_match``
    What was found on the way, for Pyramid.
``_execution``, ``_wsgi_in_thread``, ``_wsgi_on_behalf``, ``_in_server_thread``
    How it gets there: on the event loop, in a thread of ours, in one of the server's.
``_foreign_applications``
    Applications of which that is not known.
``_time_limit``, ``_out_of_time``
    The time limit of a request in a thread, which nobody can stop.
``_request_scope``, ``_threadlocals``, ``_transactions``, ``_shared_sessions``, ``_debugtoolbar``
    What counts on one thread per request, on the event loop.
``_newrelic``
    An agent that asks for greenlets, and not always.
``_borders``
    What is carried from thread to thread.
``lifespan``, ``_tasks``, ``_overdue``, ``_applications``
    The beginning and the end of an application, and tasks that outlive their response.
``streaming``, ``uploads``, ``timeouts``, ``tweens``, ``watchdog``
    What an application on an event loop wants besides.
``_health``
    Probes, answered before there is a request.
``settings``, ``_ingress``, ``_include``
    How it all becomes part of an application.
``_monkey_patching``, ``_wsgi_only``
    Two kinds of processes in which it cannot.
``_children``
    What a process that the application forks must not share with its worker.
``testing``, ``_servers``, ``_threaded_server``, ``pytest_plugin``
    The bridge and real servers, for the tests of an application.
``contract``, ``response_head``
    What servers and applications tell each other; what servers check of a response.
``exceptions``
    What can go wrong, as a tree.
"""

from ._applications import announce_stop, shutdown, startup
from ._bridge import spawn_greenlet, start_greenlet, step_in_greenlets
from ._by_hand import run_in_greenlet
from ._callables import called_by, is_coroutine_callable, prepare_generators
from ._children import disown_children
from ._executors import RequestExecutor
from ._foreign_applications import in_threads, never_blocks
from ._greenlets import kills_greenlet
from ._hosted import HostedCall, wait_hosted
from ._include import includeme
from ._monkey_patching import monkey_patched_by
from ._process_loop import adopt_loop
from ._request_scope import request_scope
from ._request_threads import ThreadCounts, thread_counts
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
from .scope import await_, can_await, run

__all__ = (
    "AiopyramidError",
    "AlreadyShutDown",
    "CoroutineMapper",
    "CoroutineOrExecutorMapper",
    "ExecutorMapper",
    "HostedCall",
    "IncludeMissing",
    "NotServed",
    "RequestExecutor",
    "ScopeError",
    "StartupError",
    "ThreadCounts",
    "adopt_loop",
    "announce_stop",
    "await_",
    "call_in_thread",
    "call_off_loop",
    "called_by",
    "can_await",
    "disown_children",
    "in_threads",
    "includeme",
    "is_coroutine_callable",
    "kills_greenlet",
    "monkey_patched_by",
    "never_blocks",
    "prepare_generators",
    "request_scope",
    "run",
    "run_in_greenlet",
    "shutdown",
    "spawn",
    "spawn_greenlet",
    "spawn_greenlet_on_scope_error",
    "start_greenlet",
    "startup",
    "step_in_greenlets",
    "synchronize",
    "thread_counts",
    "use_executor",
    "wait_hosted",
)
