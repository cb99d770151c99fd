"""The settings that ``config.include("aiopyramid_core")`` reads, with their units and defaults."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.settings import falsey, truthy

from ._place import Place

__all__ = (
    "Settings",
    "positive_number",
    "positive_seconds",
    "read_setting",
    "warn_of_unknown_settings",
)

_log = logging.getLogger("aiopyramid_core")


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
    """

    requests: Place | None = None
    executor_max_workers: int | None = None
    request_timeout_seconds: float | None = None
    cancel_on_disconnect: bool = False
    debug_blocking_seconds: float | None = None
    tasks_can_wait: bool = False
    shutdown_timeout_seconds: float = 10.0
    startup_timeout_seconds: float = 60.0

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read the settings of a Pyramid application; values may be strings, as in an ini file.

        Args:
            settings: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        return cls(
            requests=read_setting(settings, "requests", _place, None, "auto, loop or thread"),
            executor_max_workers=read_setting(
                settings,
                "executor.max_workers",
                positive_number,
                None,
                "a number of threads above zero",
            ),
            request_timeout_seconds=read_setting(
                settings,
                "request_timeout",
                positive_seconds,
                None,
                "a number of seconds above zero",
            ),
            cancel_on_disconnect=read_setting(
                settings, "cancel_on_disconnect", _truth, False, "true or false"
            ),
            debug_blocking_seconds=read_setting(
                settings, "debug_blocking", positive_seconds, None, "a number of seconds above zero"
            ),
            tasks_can_wait=read_setting(settings, "tasks_can_wait", _truth, False, "true or false"),
            shutdown_timeout_seconds=read_setting(
                settings,
                "shutdown_timeout",
                positive_seconds,
                10.0,
                "a number of seconds above zero",
            ),
            startup_timeout_seconds=read_setting(
                settings,
                "startup_timeout",
                positive_seconds,
                60.0,
                "a number of seconds above zero",
            ),
        )


def positive_number(value: Any) -> int:
    """Read a whole number above zero.

    Args:
        value: A number, or its text.

    Raises:
        ValueError: The value is not such a number.
    """
    number = int(str(value))
    if number < 1:
        raise ValueError(value)
    return number


def positive_seconds(value: Any) -> float:
    """Read a finite number of seconds above zero.

    Args:
        value: A number, or its text.

    Raises:
        ValueError: The value is not such a number.
    """
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(value)
    return number


def _place(value: Any) -> Place | None:
    return None if str(value).strip().lower() == "auto" else Place.named(value)


def _truth(value: Any) -> bool:
    # Not pyramid.settings.asbool, because it reads a misspelt value as false.
    text = str(value).strip().lower()
    if text not in truthy and text not in falsey:
        raise ValueError(value)
    return text in truthy


def read_setting(
    settings: Mapping[str, Any], name: str, convert: Callable[[Any], Any], default: Any, wanted: str
) -> Any:
    """Read one setting of an application.

    Args:
        settings: ``config.registry.settings``.
        name: The setting's name after the prefix ``aiopyramid.``.
        convert: Converts the setting, usually a string, to its value; raises TypeError or
            ValueError if the setting is invalid.
        default: The value if the setting is missing or empty.
        wanted: The expected value, a noun phrase for the error message.

    Raises:
        ConfigurationError: The value is invalid; the message names the setting.
    """
    _known.add(name)
    value = settings.get(f"aiopyramid.{name}")
    if value is None or value == "":
        return default
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"The setting aiopyramid.{name} is {value!r}, but must be {wanted}"
        ) from None


# --- Settings that do not exist -------------------------------------------------------------------


_known: Final[set[str]] = set()
"""The names of all settings read in this process so far, without ``aiopyramid.``."""

_OF_OTHER_PACKAGES: Final = ("uwsgi.", "websocket.")
"""Prefixes of settings of packages that an application may not include on this server."""


def warn_of_unknown_settings(settings: Mapping[str, Any]) -> None:
    """Log a warning for each setting that nothing has read, with the most similar known name.

    Args:
        settings: ``config.registry.settings``, once the whole application is configured.
    """
    for key in sorted(settings):
        name = key.removeprefix("aiopyramid.")
        if name in _known or name == key:
            continue
        if name.startswith(_OF_OTHER_PACKAGES) and not any(
            each.startswith(name.partition(".")[0]) for each in _known
        ):
            continue
        meant = get_close_matches(name, sorted(_known), 1)
        hint = f" Did you mean aiopyramid.{meant[0]}?" if meant else ""
        _log.warning("There is no setting %s.%s", key, hint)
