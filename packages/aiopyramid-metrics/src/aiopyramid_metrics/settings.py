"""The settings ``aiopyramid.metrics.*``, with their units and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.setting_tables import (
    SECONDS,
    Setting,
    SettingsTable,
    or_none,
    positive_seconds,
)

__all__ = ("MetricsSettings",)

_EXPORTERS: Final = ("prometheus", "opentelemetry")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """How an application is measured.

    Attributes:
        exporters: ``exporters``: ``prometheus``, ``opentelemetry`` or both.
        path: ``path``: the path of the view for Prometheus; None for no view.
        permission: ``permission``: the permission that the view needs; None if anyone may see it.
        interval_seconds: ``interval``: how often numbers such as that of threads are looked at.
        blocking_seconds: ``blocking``: after which time the event loop counts as blocked; None not
            to look for it.
    """

    exporters: tuple[str, ...] = ("prometheus",)
    path: str | None = "/metrics"
    permission: str | None = None
    interval_seconds: float = 1.0
    blocking_seconds: float | None = 0.1

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "MetricsSettings":
        """Read the settings of an application; values may be strings, as in an ini file.

        Args:
            settings: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        return _TABLE.read(settings)


def _exporters(value: Any) -> tuple[str, ...]:
    names = tuple(value.split()) if isinstance(value, str) else tuple(value)
    if not names or any(name not in _EXPORTERS for name in names):
        raise ValueError(value)
    return tuple(dict.fromkeys(names))


def _path(value: Any) -> str:
    path = str(value)
    if not path.startswith("/"):
        raise ValueError(value)
    return path


_TABLE: Final = SettingsTable(
    MetricsSettings,
    "metrics.",
    {
        "exporters": Setting("exporters", _exporters, "one or both of prometheus, opentelemetry"),
        "path": Setting("path", or_none(_path), "a path that begins with a slash, or none"),
        "permission": Setting("permission", str, "the name of a permission"),
        "interval": Setting("interval_seconds", positive_seconds, SECONDS),
        "blocking": Setting("blocking_seconds", or_none(positive_seconds), f"{SECONDS}, or none"),
    },
)
