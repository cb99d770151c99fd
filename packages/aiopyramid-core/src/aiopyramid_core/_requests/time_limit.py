"""The time limit of a request in a thread, which cannot be stopped but can be abandoned.

Two parties decide: the event loop when the time expires, and the thread when it has finished. The
first one wins, so that a request is never both answered with 503 *and* completed successfully.
"""

import asyncio
import enum
import threading
import time
from contextvars import ContextVar
from typing import Any, Final

from pyramid.httpexceptions import HTTPServiceUnavailable

from .._bridge.from_thread import LAST_WORDS_SECONDS, ThreadScope

__all__ = ("OutOfTime", "RequestTimeout", "TimeLimit", "current_limit", "is_out_of_time")

HEAD_START_SECONDS: Final = 0.05
"""How much earlier than the event loop a thread should notice that its time has expired. By then, a
thread that waits has noticed it and responds by itself."""


class RequestTimeout(HTTPServiceUnavailable):
    """A request took longer than ``aiopyramid.request_timeout``: 503.

    Raised below Pyramid's exception views, so that a view for this class or for
    :class:`pyramid.httpexceptions.HTTPServiceUnavailable` may render it.
    """

    explanation = "The server took too long to answer this request."

    @classmethod
    def after(cls, seconds: float) -> "RequestTimeout":
        """Return the error for a request that has exceeded its limit.

        The limit is given in seconds.

        Args:
            seconds: The limit.
        """
        return cls(f"The limit is {seconds:g} seconds.")


class OutOfTime(Exception):
    """The time of a request in a thread has expired; raised to the waiter on the event loop."""


class _State(enum.Enum):
    QUEUED = "waits for a thread"
    UNTIMED = "in code that is not timed, before or after what is"
    TIMED = "in code that is timed"
    EXPIRED = "out of time"

    # The enumeration's own __hash__ hashes the name, in Python.
    __hash__ = object.__hash__


_TRANSITIONS: Final[dict[_State, frozenset[_State]]] = {
    _State.QUEUED: frozenset({_State.UNTIMED, _State.EXPIRED}),
    _State.UNTIMED: frozenset({_State.TIMED}),
    _State.TIMED: frozenset({_State.UNTIMED, _State.EXPIRED}),
    _State.EXPIRED: frozenset(),
}


class TimeLimit:
    """The limit of one request; created on the event loop.

    Args:
        loop: The event loop.
        seconds: How long the request may wait for a thread, and how long its timed part may take.
        scope: The scope of the thread.
        answer: The future that the event loop waits for; receives :class:`OutOfTime`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        scope: ThreadScope,
        answer: "asyncio.Future[Any]",
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._scope = scope
        self._answer: asyncio.Future[Any] | None = answer
        self._lock = threading.Lock()
        self._state = _State.QUEUED
        self._end = time.monotonic() + seconds
        self._timer = loop.call_later(seconds, self._look)

    # --- On the event loop --------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the timer, because the request has ended."""
        self._timer.cancel()
        self._answer = None

    def _look(self) -> None:
        with self._lock:
            if self._state is _State.UNTIMED:
                return
            left = self._end - time.monotonic()
            if self._state is _State.TIMED and self._scope.is_waiting:
                # Its wait is being cancelled, so that the thread can respond by itself.
                left += LAST_WORDS_SECONDS
            if left <= 0:
                self._become(_State.EXPIRED)
        if left > 0:
            self._arm(left)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_exception(OutOfTime())

    def _become(self, state: _State) -> None:
        """Change the state; the only place that does. The caller holds the lock."""
        if state not in _TRANSITIONS[self._state]:
            raise AssertionError(f"invalid transition from {self._state} to {state}")
        self._state = state

    def _arm(self, seconds: float) -> None:
        self._timer.cancel()
        if self._answer is not None and not self._answer.done():
            self._timer = self._loop.call_later(seconds, self._look)

    @property
    def is_over(self) -> bool:
        """Whether the limit has expired, so that the event loop responds; read in any thread."""
        return self._state is _State.EXPIRED

    # --- In the thread ------------------------------------------------------------------------

    def thread_has_begun(self) -> bool:
        """Record that the request has a thread; return whether it still has time."""
        with self._lock:
            if self._state is _State.EXPIRED:
                return False
            self._become(_State.UNTIMED)
        return True

    def begin(self) -> bool:
        """Begin the timed part; return whether the request still has time."""
        with self._lock:
            if self._state is _State.EXPIRED:
                return False
            self._become(_State.TIMED)
            seconds = self._seconds + HEAD_START_SECONDS
            self._end = time.monotonic() + seconds
        self._loop.call_soon_threadsafe(self._arm, seconds)
        return True

    def end(self) -> bool:
        """End the timed part; return whether it was in time."""
        with self._lock:
            if self._state is _State.EXPIRED:
                return False
            self._become(_State.UNTIMED)
        return True


current_limit: Final[ContextVar[TimeLimit | None]] = ContextVar(
    "aiopyramid_time_limit", default=None
)
"""The limit of the request that runs in this context, if it runs in a thread."""

is_out_of_time: Final[ContextVar[bool]] = ContextVar("aiopyramid_out_of_time", default=False)
"""Whether this request responds in place of another one that is out of time."""
