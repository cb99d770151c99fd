"""Coroutines in Pyramid, called by code that knows nothing of them.

Include this package (``config.include("aiopyramid_core")``) and every view may be a coroutine,
one at a time. ``README.md`` begins at the beginning; the modules in reading order:

``_bridge``, ``_greenlets``
    Greenlets in which ordinary code waits for awaitables of the event loop.
``_by_hand``
    Greenlets that code of earlier versions switches itself.
``_portal``, ``_waiting``, ``_process_loop``
    The same for threads, and the event loop of processes whose server has none.
``scope``, ``_sqlalchemy``
    ``await_``: wait from wherever you are, below SQLAlchemy's asyncio sessions as well.
``_hosted``
    The same for servers that make a greenlet of their own for each request.
``executor``
    Blocking code in threads.
``decorators``, ``auth``
    ``synchronize`` and its relatives; authentication policies made with it.
``_callables``, ``mappers``
    Which views are coroutines, and how Pyramid calls them.
``_threadlocals``, ``_borders``
    Pyramid's thread-locals, one stack per request; what is carried from thread to thread.
``lifespan``, ``_tasks``, ``_overdue``
    The beginning and the end of an application, and tasks that outlive their response.
``streaming``, ``uploads``, ``timeouts``, ``tweens``, ``watchdog``
    What an application on an event loop wants besides.
``settings``, ``_ingress``, ``_server_threads``, ``_include``
    How it all becomes part of an application.
``_children``
    What a process that the application forks must not share with its worker.
``testing``, ``_servers``, ``_threaded_server``, ``pytest_plugin``
    The bridge and real servers, for the tests of an application.
``contract``
    What servers and applications tell each other.
``exceptions``
    What can go wrong, as a tree.
"""

from ._bridge import spawn_greenlet, start_greenlet, step_in_greenlets
from ._by_hand import run_in_greenlet
from ._callables import called_by, is_coroutine_callable, prepare_generators
from ._children import disown_children
from ._greenlets import kills_greenlet
from ._hosted import HostedCall, wait_hosted
from ._include import includeme
from ._process_loop import adopt_loop
from .decorators import spawn_greenlet_on_scope_error, synchronize
from .exceptions import AiopyramidError, AlreadyShutDown, NotServed, ScopeError, StartupError
from .executor import RequestExecutor, call_in_thread, call_off_loop, use_executor
from .lifespan import shutdown, spawn, startup
from .mappers import CoroutineMapper, CoroutineOrExecutorMapper, ExecutorMapper
from .scope import await_, can_await, run

__all__ = (
    "AiopyramidError",
    "AlreadyShutDown",
    "CoroutineMapper",
    "CoroutineOrExecutorMapper",
    "ExecutorMapper",
    "HostedCall",
    "NotServed",
    "RequestExecutor",
    "ScopeError",
    "StartupError",
    "adopt_loop",
    "await_",
    "call_in_thread",
    "call_off_loop",
    "called_by",
    "can_await",
    "disown_children",
    "includeme",
    "is_coroutine_callable",
    "kills_greenlet",
    "prepare_generators",
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
    "use_executor",
    "wait_hosted",
)
