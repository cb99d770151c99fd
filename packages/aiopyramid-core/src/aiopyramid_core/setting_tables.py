"""How a package reads the settings of an application: by a table of names, values and units.

A package declares its settings in a table::

    @dataclass(frozen=True, slots=True)
    class MailSettings:
        sender: str = "site@example.com"
        timeout_seconds: float = 10.0

    TABLE = SettingsTable(
        MailSettings,
        "mail.",  # aiopyramid.mail.sender, aiopyramid.mail.timeout
        {
            "sender": Setting("sender", str, "an address"),
            "timeout": Setting("timeout_seconds", positive_seconds, SECONDS),
        },
    )
    settings = TABLE.of(config.registry)
"""

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeVar

from pyramid.exceptions import ConfigurationError
from pyramid.settings import falsey, truthy

__all__ = (
    "BYTES",
    "SECONDS",
    "Setting",
    "SettingsTable",
    "or_none",
    "positive_number",
    "positive_seconds",
    "read_setting",
    "true_or_false",
    "warn_of_unknown_settings",
)

_log = logging.getLogger("aiopyramid_core")

T = TypeVar("T")

# --- Values ---------------------------------------------------------------------------------------

BYTES: Final = "a number of bytes above zero"
"""The expected value of a size, for error messages."""

SECONDS: Final = "a number of seconds above zero"
"""The expected value of a time, for error messages."""


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


def true_or_false(value: Any) -> bool:
    """Read a truth value.

    Args:
        value: True, False, or a text such as ``yes`` or ``off``.

    Raises:
        ValueError: The value is not such a text.
    """
    # Not pyramid.settings.asbool, because it reads a misspelt value as false.
    text = str(value).strip().lower()
    if text not in truthy and text not in falsey:
        raise ValueError(value)
    return text in truthy


def or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that also reads ``none`` and ``off``, as None.

    Args:
        convert: Reads all other values.
    """

    def convert_or_none(value: Any) -> Any:
        return None if value is None or str(value).lower() in _OFF else convert(value)

    return convert_or_none


_OFF: Final = ("none", "off")


# --- Tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in a table.

    Attributes:
        field: The field that it becomes; its name has the unit.
        convert: Converts the setting, usually a string, to its value; raises TypeError or
            ValueError if the setting is invalid.
        expected: The expected value with its unit, a noun phrase for the error message.
    """

    field: str
    convert: Callable[[Any], Any]
    expected: str

    def read(self, value: Any, name: str) -> Any:
        """Convert a value.

        Args:
            value: The value.
            name: The name of the setting, a noun phrase for the error message.

        Raises:
            ConfigurationError: The value is invalid.
        """
        try:
            return self.convert(value)
        except (TypeError, ValueError):
            raise ConfigurationError(f"{name} is {value!r}, but must be {self.expected}") from None


class SettingsTable(Generic[T]):
    """The settings of a package.

    Args:
        kind: A frozen dataclass whose fields have the defaults.
        prefix: The beginning of the settings' names, after ``aiopyramid.``; ends with a dot.
        settings: The settings by their names after the prefix.

    Attributes:
        names: The names of the settings after the prefix.
    """

    def __init__(self, kind: Callable[[], T], prefix: str, settings: Mapping[str, Setting]) -> None:
        self._kind = kind
        self._prefix = prefix
        self._settings = settings
        self.names = frozenset(settings)

    def of(self, registry: Any) -> T:
        """Return the settings of an application, which are read once.

        Args:
            registry: The application's registry.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        key = f"aiopyramid.{self._prefix}settings"
        found: T | None = registry.get(key)
        if found is None:
            found = registry[key] = self.read(registry.settings or {})
        return found

    def read(self, mapping: Mapping[str, Any]) -> T:
        """Read settings; values may be strings, as in an ini file.

        Args:
            mapping: ``config.registry.settings``. An empty value means the default.

        Raises:
            ConfigurationError: A value is invalid; the message names the setting.
        """
        defaults: Any = self._kind()
        values = {
            setting.field: read_setting(
                mapping,
                self._prefix + name,
                setting.convert,
                getattr(defaults, setting.field),
                setting.expected,
            )
            for name, setting in self._settings.items()
        }
        changed: T = dataclasses.replace(defaults, **values)
        return changed

    def fields(self, options: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Convert options with the names of settings, such as those of one view.

        Args:
            options: Values by the settings' names.
            kind: The name of such an option in error messages, such as ``"Mail option"``.

        Returns:
            Values by the names of the fields.

        Raises:
            ConfigurationError: There is no such option, or its value is invalid.
        """
        for name in options:
            if name not in self._settings:
                names = ", ".join(sorted(self.names))
                raise ConfigurationError(f"Unknown {kind} {name!r}, expected one of {names}")
        chosen = {self._settings[name]: (name, value) for name, value in options.items()}
        return {
            setting.field: setting.read(value, f"The {kind} {name}")
            for setting, (name, value) in chosen.items()
        }


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
    return Setting(name, convert, wanted).read(value, f"The setting aiopyramid.{name}")


# --- Settings that do not exist -------------------------------------------------------------------


_known: Final[set[str]] = set()
"""The names of all settings read in this process so far, without ``aiopyramid.``."""

_OF_OTHER_PACKAGES: Final = ("asgi.", "groups.", "metrics.", "uwsgi.", "websocket.")
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
