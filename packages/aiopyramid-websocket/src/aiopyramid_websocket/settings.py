"""The limits of WebSocket connections, with their units and defaults.

They can be set for all WebSocket views of an application (``aiopyramid.websocket.max_size = 4096``)
and, with the same names, for one view (``WebSocketMapper.configure(max_size=4096)``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyramid.settings import aslist

from aiopyramid_core.setting_tables import (
    BYTES,
    SECONDS,
    Setting,
    SettingsTable,
    or_none,
    positive_number,
    positive_seconds,
    true_or_false,
)

__all__ = ("OPTIONS", "WebSocketSettings", "override", "settings_of")


@dataclass(frozen=True, slots=True)
class WebSocketSettings:
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
        bridge: ``bridge``: whether synchronous code that the handler calls may wait for coroutines.
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
    bridge: bool = True


# --- Reading values -------------------------------------------------------------------------------


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


_NUMBER: Final = "a number above zero"
_SECONDS_OR_NONE: Final = f"{SECONDS}, or none"

_TABLE: Final = SettingsTable(
    WebSocketSettings,
    "websocket.",
    {
        "origins": Setting(
            "origins",
            _list_of(_ORIGIN),
            "origins such as https://example.com, without a path, or *",
        ),
        "subprotocols": Setting("subprotocols", _list_of(_TOKEN), "names of subprotocols"),
        "max_size": Setting("max_size_bytes", or_none(positive_number), f"{BYTES}, or none"),
        "max_queue": Setting("max_queue", positive_number, _NUMBER),
        "max_connections": Setting(
            "max_connections", or_none(positive_number), f"{_NUMBER}, or none"
        ),
        "ping_interval": Setting(
            "ping_interval_seconds", or_none(positive_seconds), _SECONDS_OR_NONE
        ),
        "ping_timeout": Setting(
            "ping_timeout_seconds", or_none(positive_seconds), _SECONDS_OR_NONE
        ),
        "close_timeout": Setting("close_timeout_seconds", positive_seconds, SECONDS),
        "handler_timeout": Setting(
            "handler_timeout_seconds", or_none(positive_seconds), _SECONDS_OR_NONE
        ),
        "compression": Setting("compression", or_none(_compression), "deflate or none"),
        "bridge": Setting("bridge", true_or_false, "true or false"),
    },
)

OPTIONS: Final = _TABLE.names
"""The names of all options."""


def override(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options of a view.

    Args:
        options: Values by the options' names.

    Returns:
        Values by the names of :class:`WebSocketSettings`' fields.

    Raises:
        ConfigurationError: There is no such option, or its value is invalid.
    """
    return _TABLE.fields(options, "WebSocket option")


def settings_of(registry: Any) -> WebSocketSettings:
    """Return the settings of an application.

    Raises:
        ConfigurationError: A setting is invalid; the message names it.
    """
    return _TABLE.of(registry)
