"""The limits of WebSocket connections, with their units and defaults.

They can be set for all WebSocket views of an application (``aiopyramid.websocket.max_size = 4096``)
and, with the same names, for one view (``WebsocketMapper.configure(max_size=4096)``).
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyramid.exceptions import ConfigurationError
from pyramid.settings import aslist

from aiopyramid_core.settings import positive_number, positive_seconds, read_setting

__all__ = ("OPTIONS", "WebsocketSettings", "override", "settings_of")


@dataclass(frozen=True, slots=True)
class WebsocketSettings:
    """The limits of a WebSocket connection.

    Attributes:
        origins: ``origins``: further origins whose pages may connect, besides the site's own:
            ``https://example.com``, ``https://*.example.com``, or ``*`` for any.
        subprotocols: ``subprotocols``: those that the application supports, in order of preference.
        max_size_bytes: ``max_size``: the longest message, uncompressed; None for no limit.
        max_queue: ``max_queue``: messages that may wait for the handler before reading pauses.
        max_connections: ``max_connections``: open connections per worker; None leaves the limit
            to the server.
        ping_interval_seconds: ``ping_interval``: how long a client may be silent before it is
            sent a ping; None for no pings.
        ping_timeout_seconds: ``ping_timeout``: how long it may be silent after that before the
            connection is closed; None for no limit.
        close_timeout_seconds: ``close_timeout``: how long a client may take to answer a close.
        handler_timeout_seconds: ``handler_timeout``: how long a handler may run after its client
            has gone, counted from its last read or write, before it is cancelled; in the worst
            case twice as long. None for no limit.
        compression: ``compression``: ``"deflate"`` (RFC 7692) or None.
    """

    origins: tuple[str, ...] = ()
    subprotocols: tuple[str, ...] = ()
    max_size_bytes: int | None = 1 << 20
    max_queue: int = 32
    max_connections: int | None = None
    ping_interval_seconds: float | None = 20.0
    ping_timeout_seconds: float | None = 20.0
    close_timeout_seconds: float = 10.0
    # Daphne gives an application 10 seconds after its client has gone, gunicorn's ASGI worker 3,
    # whatever it does. This limit is for handlers that neither read nor write, but may clean up.
    handler_timeout_seconds: float | None = 60.0
    compression: str | None = "deflate"


# --- Reading values -------------------------------------------------------------------------------


_OFF: Final = ("none", "off")


def _or_none(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert_or_none(value: Any) -> Any:
        return None if value is None or str(value).lower() in _OFF else convert(value)

    return convert_or_none


_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ORIGIN: Final = re.compile(r"\*|[a-z][a-z0-9+.\-]*://(\*\.)?[^/\s*]+", re.IGNORECASE)


def _list_of(pattern: re.Pattern[str]) -> Callable[[Any], tuple[str, ...]]:
    def convert(value: Any) -> tuple[str, ...]:
        items = tuple(aslist(value) if isinstance(value, str) else value)
        if not all(isinstance(item, str) and pattern.fullmatch(item) for item in items):
            raise ValueError(value)
        return items

    return convert


def _compression(value: Any) -> str:
    if value != "deflate":
        raise ValueError(value)
    return "deflate"


@dataclass(frozen=True, slots=True)
class _Option:
    field: str
    convert: Callable[[Any], Any]
    wanted: str


_NUMBER: Final = "a number above zero"
_SECONDS: Final = "a number of seconds above zero"

_TABLE: Final = {
    "origins": _Option(
        "origins", _list_of(_ORIGIN), "origins such as https://example.com, without a path, or *"
    ),
    "subprotocols": _Option("subprotocols", _list_of(_TOKEN), "names of subprotocols"),
    "max_size": _Option(
        "max_size_bytes", _or_none(positive_number), "a number of bytes above zero, or none"
    ),
    "max_queue": _Option("max_queue", positive_number, _NUMBER),
    "max_connections": _Option("max_connections", _or_none(positive_number), f"{_NUMBER}, or none"),
    "ping_interval": _Option(
        "ping_interval_seconds", _or_none(positive_seconds), f"{_SECONDS}, or none"
    ),
    "ping_timeout": _Option(
        "ping_timeout_seconds", _or_none(positive_seconds), f"{_SECONDS}, or none"
    ),
    "close_timeout": _Option("close_timeout_seconds", positive_seconds, _SECONDS),
    "handler_timeout": _Option(
        "handler_timeout_seconds", _or_none(positive_seconds), f"{_SECONDS}, or none"
    ),
    "compression": _Option("compression", _or_none(_compression), "deflate or none"),
}

OPTIONS: Final = frozenset(_TABLE)
"""The names of all options."""


def override(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a view.

    Args:
        options: Values by the options' names.

    Returns:
        Values by the names of :class:`WebsocketSettings`' fields.

    Raises:
        ConfigurationError: There is no such option, or its value is invalid.
    """
    fields = {}
    for name, value in options.items():
        if name not in _TABLE:
            raise ConfigurationError(
                f"Unknown WebSocket option {name!r}, expected one of {', '.join(sorted(_TABLE))}"
            )
        option = _TABLE[name]
        try:
            fields[option.field] = option.convert(value)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"The WebSocket option {name} is {value!r}, but must be {option.wanted}"
            ) from None
    return fields


# --- An application's settings --------------------------------------------------------------------

_REGISTRY_KEY: Final = "aiopyramid.websocket.settings"


def settings_of(registry: Any) -> WebsocketSettings:
    """Return the settings of an application.

    Raises:
        ConfigurationError: A setting is invalid; the message names it.
    """
    settings: WebsocketSettings | None = registry.get(_REGISTRY_KEY)
    if settings is None:
        settings = registry[_REGISTRY_KEY] = _read(registry.settings or {})
    return settings


def _read(mapping: Mapping[str, Any]) -> WebsocketSettings:
    defaults = WebsocketSettings()
    values = {
        option.field: read_setting(
            mapping,
            f"websocket.{name}",
            option.convert,
            getattr(defaults, option.field),
            option.wanted,
        )
        for name, option in _TABLE.items()
    }
    return dataclasses.replace(defaults, **values)
