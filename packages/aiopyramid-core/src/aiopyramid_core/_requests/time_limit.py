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

from .._bridge.from_thread import LAST_WORDS_SECONDS, ThreadScope

__all__ = ("OutOfTime", "TimeLimit", "current_limit", "is_out_of_time")

HEAD_START_SECONDS: Final = 0.05
"""How much earlier than the event loop a thread should notice that its time has expired. By then, a
thread that waits has noticed it and responds by itself."""


class OutOfTime(Exception):
    """The time of a request in a thread has expired; raised to the waiter on the event loop."""


class _State(enum.Enum):
    QUEUED = "waits for a thread"
    UNTIMED = "in code that is not timed, before or after what is"
    TIMED = "in code that is timed"
    EXPIRED = "out of time"


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
                self._state = _State.EXPIRED
        if left > 0:
            self._arm(left)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_exception(OutOfTime())

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
            self._state = _State.UNTIMED
        return True

    def begin(self) -> bool:
        """Begin the timed part; return whether the request still has time."""
        with self._lock:
            if self._state is _State.EXPIRED:
                return False
            self._state = _State.TIMED
            seconds = self._seconds + HEAD_START_SECONDS
            self._end = time.monotonic() + seconds
        self._loop.call_soon_threadsafe(self._arm, seconds)
        return True

    def end(self) -> bool:
        """End the timed part; return whether it was in time."""
        with self._lock:
            if self._state is _State.EXPIRED:
                return False
            self._state = _State.UNTIMED
        return True


current_limit: Final[ContextVar[TimeLimit | None]] = ContextVar(
    "aiopyramid_time_limit", default=None
)
"""The limit of the request that runs in this context, if it runs in a thread."""

is_out_of_time: Final[ContextVar[bool]] = ContextVar("aiopyramid_out_of_time", default=False)
"""Whether this request responds in place of another one that is out of time."""
