"""The one pool of a process for synchronous requests, and its handling at fork and exit."""

import os
import threading

from .pool import RequestThreads, ThreadCounts
from .thread import forget_pool_of_this_thread

__all__ = ("request_threads", "thread_counts")

_current = RequestThreads()


def request_threads() -> RequestThreads:
    """Return the pool of this process."""
    return _current


def thread_counts() -> ThreadCounts:
    """Return how busy the threads for synchronous requests of this process are.

    A server that gives requests threads of its own manages all of them itself.
    """
    return _current.counts


def _start_afresh_in_child() -> None:
    """Create a new pool, because the threads of the parent do not exist in a child."""
    global _current
    _current = RequestThreads(_current.limit)
    forget_pool_of_this_thread()


os.register_at_fork(after_in_child=_start_afresh_in_child)


def _close_at_exit() -> None:
    _current.close()


# Before the interpreter waits for all threads, and after the callbacks registered later: when it
# stops, an event loop that was started here runs the shutdown functions of applications, which may
# need a thread.
getattr(threading, "_register_atexit", lambda function: None)(_close_at_exit)
