"""Whether the client is still there (RFC 6455, 5.5.2): after some silence a ping, then a close.

Pure: times in, decisions out. All times are by the event loop's clock.
"""

import enum
import math

from .settings import WebSocketSettings

__all__ = ("Keepalive", "Verdict")


class Verdict(enum.Enum):
    """The next step for a client."""

    WAIT = "it has sent data recently"
    PING = "it has been silent and is sent a ping"
    GONE = "it has not answered the ping"


class Keepalive:
    """Decides how long a client may be silent.

    Args:
        settings: The connection's limits.
        now: The time.

    Attributes:
        is_heard: Whether the client has sent anything since the last verdict; to be set.
        pinged_at: The time of the ping that the client has not answered yet, or None.
        deadline: The time at which the next verdict is due.
    """

    __slots__ = ("_settings", "deadline", "is_heard", "pinged_at")

    def __init__(self, settings: WebSocketSettings, now: float) -> None:
        self._settings = settings
        self.is_heard = False
        self.pinged_at: float | None = None
        self.deadline = math.inf
        self._expect(now)

    def judge(self, now: float) -> Verdict:
        """Decide after the deadline has passed, and set the next one."""
        settings = self._settings
        if self.is_heard:
            self._expect(now)
            return Verdict.WAIT
        if self.pinged_at is not None:
            return Verdict.GONE
        if settings.ping_timeout_seconds is not None:
            self.pinged_at = now
        self._wait(now, settings.ping_timeout_seconds or settings.ping_interval_seconds)
        return Verdict.PING

    def _expect(self, now: float) -> None:
        """Start again with a client that has just been heard."""
        self.is_heard = False
        self.pinged_at = None
        self._wait(now, self._settings.ping_interval_seconds)

    def _wait(self, now: float, seconds: float | None) -> None:
        self.deadline = math.inf if seconds is None else now + seconds
