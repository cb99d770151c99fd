"""Child processes of a serving process, which must not interfere with its server.

A fork copies everything. A signal to the child would be written to the descriptor by which signals
wake the parent's event loop, so that ``multiprocessing.Process.terminate()`` would end the worker
and not the child. A child that lives on would keep the server's port and the connections of
clients, which would not learn that the parent has closed them and would send requests that are
never answered. So the child releases the server's resources before any other code runs in it. Each
of the other modules resets its own state of the process.
"""

import concurrent.futures.thread
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
    sockets: Callable[[], Iterable[int]]


class _ThisThread(threading.local):
    mask: set[int] | None = None


_server: _Server | None = None
_this_thread = _ThisThread()


def disown_children(signals: Iterable[int], sockets: Callable[[], Iterable[int]]) -> None:
    """Release the server's resources in child processes of this one.

    For servers, which call this once in each process that serves, before the application can fork.
    This concerns only processes that Python forks; those that ``subprocess`` starts do not share
    the resources.

    Args:
        signals: Signals that the server handles. In a child they get their default handlers.
        sockets: Called in each child: returns the descriptors of listening sockets and connections.
            They and their duplicates are closed in the child. Negative numbers are ignored. It must
            not use an event loop, which still belongs to the parent, too.
    """
    global _server
    _server = _Server(frozenset(map(int, signals)), sockets)


def _hold_signals() -> None:
    """Block signals before a fork, so that none is handled in the child by the parent's code."""
    if _server is not None:
        _this_thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _server.signals)


def _let_signals_through() -> None:
    mask, _this_thread.mask = _this_thread.mask, None
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _leave_pools() -> None:
    # At exit Python joins the threads of its pools. In a child only the thread that has forked
    # exists, and a process whose thread joins itself ends with exit code 1.
    getattr(concurrent.futures.thread, "_threads_queues", {}).clear()


def _close(sockets: Iterable[int]) -> None:
    """Close sockets and their duplicates."""
    ours = {_identity(descriptor) for descriptor in sockets if descriptor >= 0} - {None}
    if not ours:
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/dev/fd")):
        if _identity(descriptor) in ours:
            # Their numbers remain in use, because copies of the parent's objects may close them
            # again.
            os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Return a value that a descriptor shares with its duplicates; None if it is not open."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _leave_server() -> None:
    global _server
    server, _server = _server, None
    if server is not None:
        signal.set_wakeup_fd(-1)
        for number in server.signals:
            interrupts = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if interrupts else signal.SIG_DFL)
        try:
            _close(server.sockets())
        except Exception:
            _log.exception("A child process could not close the sockets of its server")
    _let_signals_through()


os.register_at_fork(
    before=_hold_signals,
    after_in_parent=_let_signals_through,
    after_in_child=_leave_server,
)
os.register_at_fork(after_in_child=_leave_pools)
