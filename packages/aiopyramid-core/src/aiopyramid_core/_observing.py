"""The observers of this process: objects that are told what requests do, such as the debug toolbar.

Without an observer :data:`observer` is None, and the code that would tell it something only looks
at this variable, which takes about as long as reading an attribute.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, ParamSpec, TypeVar

from ._observer import Observer, ThreadCall

__all__ = (
    "add_observer",
    "current_observer",
    "current_thread_call",
    "observed_call",
    "observer",
    "remove_observer",
)

_log = logging.getLogger("aiopyramid_core")

P = ParamSpec("P")
T = TypeVar("T")


_METHODS: Final = tuple(name for name in vars(Observer) if not name.startswith("_"))


class _Observers(Observer):
    """Tells several observers; each method calls those observers that override it."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.observers = observers
        for name in _METHODS:
            overriding = [
                getattr(each, name)
                for each in observers
                if getattr(type(each), name) is not getattr(Observer, name)
            ]
            setattr(self, name, _call_all(overriding))


def _call_all(methods: list[Callable[..., None]]) -> Callable[..., None]:
    def tell(*args: Any, **kwargs: Any) -> None:
        for method in methods:
            try:
                method(*args, **kwargs)
            except Exception:
                _log_once(method)

    return tell


_failed: Final[set[str]] = set()


def _log_once(method: Callable[..., None]) -> None:
    name = f"{type(getattr(method, '__self__', None)).__qualname__}.{method.__name__}"
    if name not in _failed:
        _failed.add(name)
        _log.exception("The observer method %s has failed; further failures are not logged", name)


observer: Observer | None = None
"""Tells all observers of the process; None without one. Read it from the module at each use."""

_lock: Final = threading.Lock()


def add_observer(added: Observer) -> None:
    """Tell an observer from now on what happens in this process.

    Args:
        added: The observer. Adding it again has no effect.
    """
    with _lock:
        present = _present()
        if added not in present:
            _use((*present, added))


def remove_observer(removed: Observer) -> None:
    """Stop telling an observer.

    It may still be told the end of what has begun before.

    Args:
        removed: The observer. Removing it again has no effect.
    """
    with _lock:
        _use(tuple(each for each in _present() if each is not removed))


def current_observer() -> Observer | None:
    """Return an observer that tells all observers of the process; None if there are none."""
    return observer


def _present() -> tuple[Observer, ...]:
    return observer.observers if isinstance(observer, _Observers) else ()


def _use(observers: tuple[Observer, ...]) -> None:
    global observer
    observer = _Observers(observers) if observers else None


# --- Calls in threads -----------------------------------------------------------------------------

current_thread_call: Final[ContextVar[ThreadCall | None]] = ContextVar(
    "aiopyramid_thread_call", default=None
)
"""The call in a thread in which this context runs; None if it is not observed."""


def observed_call(
    observer: Observer, function: Callable[P, T], *, is_request: bool = False
) -> Callable[P, T]:
    """Return a function that tells an observer when a thread calls it.

    Args:
        observer: The observer.
        function: The function, which is given to a thread pool now.
        is_request: See :class:`ThreadCall`.
    """
    call = ThreadCall(function, is_request=is_request)
    observer.call_queued(call)

    def call_in_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        token = current_thread_call.set(call)
        call.thread_name = threading.current_thread().name
        call.began_at = time.perf_counter()
        observer.call_began(call)
        try:
            return function(*args, **kwargs)
        finally:
            call.ended_at = time.perf_counter()
            observer.call_ended(call)
            current_thread_call.reset(token)

    return call_in_thread
