"""The one pool of a process for synchronous requests, and what becomes of it at its ends."""

import os
import threading

from .pool import RequestThreads, ThreadCounts, forget_pool_of_this_thread

__all__ = ("request_threads", "thread_counts")

_current = RequestThreads()


def request_threads() -> RequestThreads:
    """Return the pool of this process."""
    return _current


def thread_counts() -> ThreadCounts:
    """Return how busy the threads are in which this process runs synchronous requests.

    Under a server that gives requests threads of its own, all of them are its own affair.
    """
    return _current.counts


def _start_afresh_in_child() -> None:
    """The threads of the parent do not exist in a child."""
    global _current
    _current = RequestThreads(_current.limit)
    forget_pool_of_this_thread()


os.register_at_fork(after_in_child=_start_afresh_in_child)


def _close_at_exit() -> None:
    _current.close()


# Before the interpreter waits for all threads, and behind what it registered later: at its end, an
# event loop of our own runs the shutdown functions of applications, which may need a thread.
getattr(threading, "_register_atexit", lambda function: None)(_close_at_exit)
