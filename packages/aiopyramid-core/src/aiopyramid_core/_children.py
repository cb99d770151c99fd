"""Child processes of a process that serves: they have nothing to do with its server.

A fork copies everything. A signal to the child would be written to the descriptor by which signals
wake the parent's event loop, so that ``multiprocessing.Process.terminate()`` would end the worker
and not the child; and a child that lives on would keep the server's port. So the child gives back
what is the server's before anything else runs in it. What the other modules keep per process, each
of them forgets by itself.
"""

import concurrent.futures.thread
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

__all__ = ("disown_children",)

_log = logging.getLogger("aiopyramid_core")


class _Server(NamedTuple):
    signals: frozenset[int]
    leave: Callable[[], object]
    connections: Callable[[], Iterable[int]]


class _ThisThread(threading.local):
    mask: set[int] | None = None


_server: _Server | None = None
_this_thread = _ThisThread()


def disown_children(
    signals: Iterable[int],
    leave: Callable[[], object],
    connections: Callable[[], Iterable[int]] = tuple,
) -> None:
    """Have child processes of this one begin without its server.

    For servers, which call this once in each process that serves, before the application can fork.
    Only processes that Python forks are meant; what ``subprocess`` starts has no part in this
    one anyway.

    Args:
        signals: Signals that the server handles. In a child they do what they do in any process.
        leave: Called in each child: closes what a child must not keep open, such as sockets that
            listen. Must not touch an event loop, which is still the parent's as well.
        connections: Called in each child: returns the descriptors of clients' connections. In the
            child they lead nowhere from then on. A connection that the parent closes would go on
            for its client as long as any child has it.

    .. versionadded:: 1.0
    """
    global _server
    _server = _Server(frozenset(map(int, signals)), leave, connections)


def _hold_signals() -> None:
    """Before a fork: let no signal reach the child while it has the parent's handlers."""
    if _server is not None:
        _this_thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _server.signals)


def _let_signals_through() -> None:
    mask, _this_thread.mask = _this_thread.mask, None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _leave_pools() -> None:
    # At the end of a process Python joins the threads of its pools. In a child none is left but the
    # one that has forked, and a process whose thread joins itself ends with exit code 1.
    getattr(concurrent.futures.thread, "_threads_queues", {}).clear()


def _leave_server() -> None:
    global _server
    server, _server = _server, None
    if server is not None:
        signal.set_wakeup_fd(-1)
        for number in server.signals:
            interrupts = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if interrupts else signal.SIG_DFL)
        try:
            server.leave()
            _let_go(server.connections())
        except Exception:
            _log.exception("A child process keeps open what is its server's")
    _let_signals_through()


def _let_go(connections: Iterable[int]) -> None:
    # Not closed: they belong to objects which do that, perhaps when the number is another file's.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in connections:
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


os.register_at_fork(
    before=_hold_signals,
    after_in_parent=_let_signals_through,
    after_in_child=_leave_server,
)
os.register_at_fork(after_in_child=_leave_pools)
