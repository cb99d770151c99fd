"""The settings ``aiopyramid.groups.*``, with their units and defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.settings import positive_number, positive_seconds, read_setting

__all__ = ("MEMORY_URL", "GroupsSettings")

MEMORY_URL: Final = "memory://"
"""The engine for one worker, which needs nothing."""

_SCHEMES: Final = ("redis://", "rediss://", "unix://", "redis+sentinel://")


@dataclass(frozen=True, slots=True)
class GroupsSettings:
    """How the groups of an application work.

    Attributes:
        url: ``url``: ``memory://`` for one worker; ``redis://``, ``rediss://`` (TLS), ``unix://``
            or ``redis+sentinel://host:port,host:port/service/database`` for any number of workers.
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
        number, seconds = "a number above zero", "a number of seconds above zero"
        default = cls()

        def read(name: str, convert: Any, default: Any, wanted: str) -> Any:
            return read_setting(settings, f"groups.{name}", convert, default, wanted)

        return cls(
            url=read("url", _url, default.url, f"{MEMORY_URL} or the URL of a Redis: {_SCHEMES}"),
            prefix=read("prefix", _prefix, default.prefix, "letters, digits and any of _.-"),
            history=read("history", positive_number, default.history, number),
            history_seconds=read(
                "history_seconds",
                positive_number,
                default.history_seconds,
                "a whole number of seconds above zero",
            ),
            send_timeout_seconds=read(
                "send_timeout", positive_seconds, default.send_timeout_seconds, seconds
            ),
            heartbeat_seconds=read(
                "heartbeat", positive_seconds, default.heartbeat_seconds, seconds
            ),
            max_message_bytes=read(
                "max_message", positive_number, default.max_message_bytes, number
            ),
            max_who_bytes=read("max_who", positive_number, default.max_who_bytes, number),
        )


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
