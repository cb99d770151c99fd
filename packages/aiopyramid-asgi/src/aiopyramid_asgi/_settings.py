"""The settings of this package, with their units and defaults."""

from dataclasses import dataclass
from typing import Final

from aiopyramid_core.servers import BodyLimits, Networks, networks
from aiopyramid_core.setting_tables import (
    BYTES,
    SECONDS,
    Setting,
    SettingsTable,
    positive_number,
    positive_seconds,
    true_or_false,
)

__all__ = ("SETTINGS", "ASGISettings")

_THIS_MACHINE: Final = networks("127.0.0.1 ::1")


@dataclass(frozen=True, slots=True)
class ASGISettings(BodyLimits):
    """The application's settings for this package.

    Attributes:
        body_bytes: ``aiopyramid.asgi.body_limit_bytes``: longest request body; longer ones are
            answered with 413.
        body_memory_bytes: ``aiopyramid.asgi.body_memory_bytes``: size from which a request body is
            kept in a temporary file.
        body_timeout_seconds: ``aiopyramid.asgi.body_timeout``: how long a client may pause in the
            middle of a request's body, which is then answered with 408.
        graceful_timeout_seconds: ``aiopyramid.asgi.graceful_timeout``: how long responses in parts
            and WebSocket handlers may continue when the server stops. Event streams end at once.
        multiprocess: ``aiopyramid.asgi.multiprocess``: whether several processes may serve the
            application, which the environ says as ``wsgi.multiprocess``.
        trusted_proxies: ``aiopyramid.asgi.trusted_proxies``: the proxies whose
            ``X-Forwarded-Proto`` and ``X-Forwarded-For`` are trusted; proxies on Unix sockets
            always are.
    """

    body_setting: str = "aiopyramid.asgi.body_limit_bytes"
    body_timeout_seconds: float = 60.0
    graceful_timeout_seconds: float = 30.0
    multiprocess: bool = True
    trusted_proxies: Networks = _THIS_MACHINE


SETTINGS: Final = SettingsTable(
    ASGISettings,
    "asgi.",
    {
        "body_limit_bytes": Setting("body_bytes", positive_number, BYTES),
        "body_memory_bytes": Setting("body_memory_bytes", positive_number, BYTES),
        "body_timeout": Setting("body_timeout_seconds", positive_seconds, SECONDS),
        "graceful_timeout": Setting("graceful_timeout_seconds", positive_seconds, SECONDS),
        "multiprocess": Setting("multiprocess", true_or_false, "true or false"),
        "trusted_proxies": Setting("trusted_proxies", networks, "addresses and networks, or *"),
    },
)
"""How the settings of an application are read."""
