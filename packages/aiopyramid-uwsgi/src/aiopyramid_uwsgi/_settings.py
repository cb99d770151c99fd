"""The settings that ``config.include("aiopyramid_uwsgi")`` reads, with their units and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.servers import BodyLimits, Networks, networks
from aiopyramid_core.setting_tables import (
    BYTES,
    SECONDS,
    Setting,
    SettingsTable,
    positive_number,
    positive_seconds,
)

__all__ = ("UWSGISettings",)


_THIS_MACHINE: Final = networks("127.0.0.1 ::1")
"""The same default as that of gunicorn's setting of this name."""


@dataclass(frozen=True, slots=True)
class UWSGISettings(BodyLimits):
    """The application's settings for this package.

    Attributes:
        loop: ``aiopyramid.uwsgi.loop``: ``asyncio`` or ``uvloop``.
        body_bytes: ``aiopyramid.uwsgi.body_limit_bytes``: longest request body; longer ones
            are answered with 413.
        body_memory_bytes: ``aiopyramid.uwsgi.body_memory_bytes``: size from which a request body
            is kept in a temporary file.
        graceful_timeout_seconds: ``aiopyramid.uwsgi.graceful_timeout``: seconds for which a
            stopping worker waits for requests in progress.
        forwarded_allow_ips: ``aiopyramid.uwsgi.forwarded_allow_ips``: the proxies whose
            ``X-Forwarded-Proto`` and ``X-Forwarded-Ssl`` are trusted; proxies on Unix sockets
            always are.
    """

    loop: str = "asyncio"
    body_setting: str = "aiopyramid.uwsgi.body_limit_bytes"
    graceful_timeout_seconds: float = 30.0
    forwarded_allow_ips: Networks = _THIS_MACHINE

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "UWSGISettings":
        """Read the settings of a Pyramid application; values may be strings, as in an ini file.

        Args:
            settings: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        return _TABLE.read(settings)


def _loop(value: Any) -> str:
    name = str(value).strip()
    if name not in ("asyncio", "uvloop"):
        raise ValueError(value)
    return name


_TABLE: Final = SettingsTable(
    UWSGISettings,
    "uwsgi.",
    {
        "loop": Setting("loop", _loop, "asyncio or uvloop"),
        "body_limit_bytes": Setting("body_bytes", positive_number, BYTES),
        "body_memory_bytes": Setting("body_memory_bytes", positive_number, BYTES),
        "graceful_timeout": Setting("graceful_timeout_seconds", positive_seconds, SECONDS),
        "forwarded_allow_ips": Setting(
            "forwarded_allow_ips", networks, "addresses and networks, or *"
        ),
    },
)
