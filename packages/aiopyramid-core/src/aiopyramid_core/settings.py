"""The settings that ``config.include("aiopyramid_core")`` reads, with their units and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._place import Place
from .setting_tables import (
    SECONDS,
    Setting,
    SettingsTable,
    or_none,
    positive_number,
    positive_seconds,
    true_or_false,
)

__all__ = ("Settings",)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of this package for one application.

    Attributes:
        requests: ``aiopyramid.requests``: where requests run: ``loop`` for the event loop (each
            synchronous view gets a thread), ``thread`` for a thread; None (``auto``) to choose by
            the kind of view.
        executor_max_workers: ``aiopyramid.executor.max_workers``: the maximum number of threads for
            synchronous requests, and of threads for other blocking code; None to leave both
            unchanged.
        request_timeout_seconds: ``aiopyramid.request_timeout``: seconds after which a request is
            answered with 503; None for no limit.
        cancel_on_disconnect: ``aiopyramid.cancel_on_disconnect``: whether a request is cancelled
            when its client disconnects.
        debug_blocking_seconds: ``aiopyramid.debug_blocking``: seconds for which code may block the
            event loop before it is logged; None not to watch the event loop.
        tasks_can_wait: ``aiopyramid.tasks_can_wait``: whether synchronous code may wait in the
            Tasks that requests make, by ``asyncio.gather`` for example.
        shutdown_timeout_seconds: ``aiopyramid.shutdown_timeout``: seconds for which the process
            waits, before it exits, for background tasks and then for each shutdown function.
        startup_timeout_seconds: ``aiopyramid.startup_timeout``: seconds that each startup function
            may take.
        reconnect_spread_seconds: ``aiopyramid.reconnect_spread``: seconds over which the clients of
            many event streams and WebSockets are asked to connect again when the server stops; None
            to ask all at once.
    """

    requests: Place | None = None
    executor_max_workers: int | None = None
    request_timeout_seconds: float | None = None
    cancel_on_disconnect: bool = False
    debug_blocking_seconds: float | None = None
    tasks_can_wait: bool = False
    shutdown_timeout_seconds: float = 10.0
    startup_timeout_seconds: float = 60.0
    reconnect_spread_seconds: float | None = 2.0

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read the settings of a Pyramid application; values may be strings, as in an ini file.

        Args:
            settings: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        return _TABLE.read(settings)


def _place(value: Any) -> Place | None:
    return None if str(value).strip().lower() == "auto" else Place.named(value)


_TABLE: Final = SettingsTable(
    Settings,
    "",
    {
        "requests": Setting("requests", _place, "auto, loop or thread"),
        "executor.max_workers": Setting(
            "executor_max_workers", positive_number, "a number of threads above zero"
        ),
        "request_timeout": Setting("request_timeout_seconds", positive_seconds, SECONDS),
        "cancel_on_disconnect": Setting("cancel_on_disconnect", true_or_false, "true or false"),
        "debug_blocking": Setting("debug_blocking_seconds", positive_seconds, SECONDS),
        "tasks_can_wait": Setting("tasks_can_wait", true_or_false, "true or false"),
        "shutdown_timeout": Setting("shutdown_timeout_seconds", positive_seconds, SECONDS),
        "startup_timeout": Setting("startup_timeout_seconds", positive_seconds, SECONDS),
        "reconnect_spread": Setting(
            "reconnect_spread_seconds", or_none(positive_seconds), f"{SECONDS}, or off"
        ),
    },
)
