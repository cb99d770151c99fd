"""The settings ``aiopyramid.groups.*``, with their units and defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.setting_tables import (
    BYTES,
    SECONDS,
    Setting,
    SettingsTable,
    positive_number,
    positive_seconds,
)

__all__ = ("MEMORY_URL", "GroupsSettings")

MEMORY_URL: Final = "memory://"
"""The engine for one worker, which needs nothing."""

_SCHEMES: Final = (
    *("redis://", "rediss://", "unix://"),
    *("redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"),
)


@dataclass(frozen=True, slots=True)
class GroupsSettings:
    """How the groups of an application work.

    Attributes:
        url: ``url``: ``memory://`` for one worker; ``redis://``, ``rediss://`` (TLS), ``unix://``,
            ``redis+sentinel://host:port,host:port/service/database`` or
            ``redis+cluster://host:port,host:port`` for any number of workers.
        prefix: ``prefix``: the beginning of all keys; different for each application that uses the
            same Redis. Letters, digits and ``_.-``.
        history: ``history``: how many messages of a group are kept, for members that resume.
        history_seconds: ``history_seconds``: how long the messages of a group without members are
            kept after the last one.
        send_timeout_seconds: ``send_timeout``: how long ``send`` waits for Redis.
        heartbeat_seconds: ``heartbeat``: how often a worker shows that it is alive. Its members
            disappear from ``members()`` three times as long after it was killed.
        max_message_bytes: ``max_message``: the longest message.
        max_who_bytes: ``max_who``: the longest ``who`` of a member, as JSON.
    """

    url: str = MEMORY_URL
    prefix: str = "aiopyramid"
    history: int = 100
    history_seconds: int = 86400
    send_timeout_seconds: float = 5.0
    heartbeat_seconds: float = 5.0
    max_message_bytes: int = 1 << 20
    max_who_bytes: int = 1024

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "GroupsSettings":
        """Read the settings of an application; values may be strings, as in an ini file.

        Args:
            settings: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        return _TABLE.read(settings)


def _url(value: Any) -> str:
    url = str(value)
    if url != MEMORY_URL and not url.startswith(_SCHEMES):
        raise ValueError(value)
    return url


def _prefix(value: Any) -> str:
    prefix = str(value)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", prefix):
        raise ValueError(value)
    return prefix


_NUMBER: Final = "a number above zero"

_TABLE: Final = SettingsTable(
    GroupsSettings,
    "groups.",
    {
        "url": Setting(
            "url", _url, f"{MEMORY_URL} or a URL that begins with one of {', '.join(_SCHEMES)}"
        ),
        "prefix": Setting("prefix", _prefix, "up to 100 letters, digits and any of _.-"),
        "history": Setting("history", positive_number, _NUMBER),
        "history_seconds": Setting("history_seconds", positive_number, f"{SECONDS}, a whole one"),
        "send_timeout": Setting("send_timeout_seconds", positive_seconds, SECONDS),
        "heartbeat": Setting("heartbeat_seconds", positive_seconds, SECONDS),
        "max_message": Setting("max_message_bytes", positive_number, BYTES),
        "max_who": Setting("max_who_bytes", positive_number, BYTES),
    },
)
