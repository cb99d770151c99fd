"""The interface for servers: the life of a worker, applications, response bodies and errors.

A server with an event loop of its own makes it the loop of the process (:func:`adopt_loop`), runs
the startup functions of the applications (:func:`startup`), calls an application in a greenlet
(:func:`~aiopyramid_core.spawn_greenlet`) and stops (:func:`announce_stop`, :func:`shutdown`). The
keys that it may put into the environ are in :mod:`aiopyramid_core.contract`, and the checks of a
response in :mod:`aiopyramid_core.response_head`.
"""

from ._applications import announce_stop, shutdown, startup
from ._bodies import END_OF_BODY, SynchronousBody
from ._bridge.pool import kills_greenlet
from ._bridge.process_loop import adopt_loop
from ._bridge.refusal import on_a_loop
from ._children import disown_children
from ._monkey_patching import monkey_patched_by
from ._requests.foreign_applications import in_threads, never_blocks
from ._server_greenlets import HostedCall, wait_hosted
from ._threads.executors import RequestExecutor
from ._threads.pool import DEFAULT_THREADS

__all__ = (
    "DEFAULT_THREADS",
    "END_OF_BODY",
    "HostedCall",
    "RequestExecutor",
    "SynchronousBody",
    "adopt_loop",
    "announce_stop",
    "disown_children",
    "in_threads",
    "kills_greenlet",
    "monkey_patched_by",
    "never_blocks",
    "on_a_loop",
    "shutdown",
    "startup",
    "wait_hosted",
)
