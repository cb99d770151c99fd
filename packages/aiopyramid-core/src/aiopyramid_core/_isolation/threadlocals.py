"""Pyramid's thread-locals, kept per context instead of per thread.

``pyramid.threadlocal.manager`` is a stack in a ``threading.local``. Greenlets that take turns on
one thread would pop each other's entries from it. This module makes the manager keep its stack in
a context variable: each request has its own, in its greenlets, coroutines and executor threads.

Pyramid has no hook for it, and other modules import ``manager`` by name, so the class of the
instance is changed. The other modules that change Pyramid without a hook are ``request_callbacks``,
``acl``, ``locations``, ``session_helper`` and ``configuration`` in ``_extension_points``.
"""

from contextvars import ContextVar
from typing import Any, Final

from pyramid.threadlocal import ThreadLocalManager, manager

__all__ = ("ContextLocalManager", "install")

_stack: Final[ContextVar[tuple[Any, ...]]] = ContextVar("pyramid_thread_locals", default=())


class ContextLocalManager(ThreadLocalManager):
    """The same interface as Pyramid's manager, over an immutable stack in a context variable.

    Immutable, because a copied context shares its values with the context that it was copied from:
    in a list, one request would see the entries of another.
    """

    def __init__(self, default: Any = None) -> None:
        # Called by threading.local in every thread that touches the manager for the first time,
        # possibly with entries in its context already: unlike the base class, leave the stack
        # alone.
        self.default = default

    @property
    def stack(self) -> list[Any]:
        """A copy of the current context's entries, the innermost last."""
        return list(_stack.get())

    @stack.setter
    def stack(self, entries: list[Any]) -> None:
        _stack.set(tuple(entries))

    def push(self, info: Any) -> None:
        """Make ``info`` the current entry."""
        _stack.set((*_stack.get(), info))

    set = push

    def pop(self) -> Any:
        """Remove the current entry and return it, or None when there is none."""
        entries = _stack.get()
        if not entries:
            return None
        _stack.set(entries[:-1])
        return entries[-1]

    def get(self) -> Any:
        """Return the current entry, or the default when there is none."""
        entries = _stack.get()
        return entries[-1] if entries else self.default()

    def clear(self) -> None:
        """Remove all entries of the current context."""
        _stack.set(())


def install() -> None:
    """Make Pyramid's manager keep its stack per context; later calls change nothing.

    Entries that the calling thread has pushed before (a ``Configurator`` pushes one while it is
    being set up) are carried over.
    """
    if isinstance(manager, ContextLocalManager):
        return
    entries = manager.__dict__.pop("stack", [])
    manager.__class__ = ContextLocalManager
    manager.stack = entries
