"""The settings that ``config.include("aiopyramid_uwsgi")`` reads, with their units and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.settings import positive_number, positive_seconds, read_setting

from ._scheme import Networks, networks

__all__ = ("UWSGISettings",)


_THIS_MACHINE: Final = networks("127.0.0.1 ::1")
"""The same default as that of gunicorn's setting of this name."""


@dataclass(frozen=True, slots=True)
class UWSGISettings:
    """The application's settings for this package.

    Attributes:
        loop: ``aiopyramid.uwsgi.loop``: ``asyncio`` or ``uvloop``.
        body_limit_bytes: ``aiopyramid.uwsgi.body_limit_bytes``: longest request body; longer ones
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
    body_limit_bytes: int = 1 << 30
    body_memory_bytes: int = 512 << 10
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
        default = cls()
        size = "a number of bytes above zero"
        return cls(
            loop=read_setting(settings, "uwsgi.loop", _loop, default.loop, "asyncio or uvloop"),
            body_limit_bytes=read_setting(
                settings, "uwsgi.body_limit_bytes", positive_number, default.body_limit_bytes, size
            ),
            body_memory_bytes=read_setting(
                settings,
                "uwsgi.body_memory_bytes",
                positive_number,
                default.body_memory_bytes,
                size,
            ),
            graceful_timeout_seconds=read_setting(
                settings,
                "uwsgi.graceful_timeout",
                positive_seconds,
                default.graceful_timeout_seconds,
                "a number of seconds above zero",
            ),
            forwarded_allow_ips=read_setting(
                settings,
                "uwsgi.forwarded_allow_ips",
                networks,
                default.forwarded_allow_ips,
                "addresses and networks, or *",
            ),
        )


def _loop(value: Any) -> str:
    name = str(value).strip()
    if name not in ("asyncio", "uvloop"):
        raise ValueError(value)
    return name
