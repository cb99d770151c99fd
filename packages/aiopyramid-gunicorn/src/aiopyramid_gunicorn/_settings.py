"""gunicorn's settings that have no effect on this worker, and the reason for each of them.

The rule: a setting is honoured, refused, or ignored with a warning; never silently ignored.
"""

from collections.abc import Iterator
from typing import Any, Final

from .exceptions import SettingNotSupported

__all__ = ("check_settings", "sends_files")

_ONLY_HTTP_1: Final = "this worker speaks HTTP/1.1 and HTTP/1.0 only; use a proxy for HTTP/2"
_STRICT: Final = "this worker parses requests strictly"
_LOOP: Final = "the event loop performs TLS handshakes and closes TLS connections in its own way"
_ASGI: Final = "it is for gunicorn's asgi worker"

_IGNORED: Final = {
    "http_parser": "this worker parses requests with httptools",
    "http_protocols": _ONLY_HTTP_1,
    "http2_cleartext": _ONLY_HTTP_1,
    "strip_header_spaces": _STRICT,
    "permit_obsolete_folding": _STRICT,
    "permit_unconventional_http_method": _STRICT,
    "permit_unconventional_http_version": _STRICT,
    "casefold_http_method": _STRICT,
    "do_handshake_on_connect": _LOOP,
    "suppress_ragged_eofs": _LOOP,
    "root_path": f"{_ASGI}; a SCRIPT_NAME in the environment says where the application is mounted",
    "asgi_loop": f"{_ASGI}; uvloop is used here when it is installed",
    "asgi_lifespan": _ASGI,
    "asgi_disconnect_grace_period": _ASGI,
    "websocket_max_message_size": f"{_ASGI}; aiopyramid_websocket has a setting of its own",
}
"""Why each setting is ignored. Not every version of gunicorn has all of them."""


def check_settings(cfg: Any) -> Iterator[str]:
    """Look for settings that this worker does not honour.

    Args:
        cfg: A :class:`gunicorn.config.Config`.

    Yields:
        A sentence for the log about each setting that was set and is ignored.

    Raises:
        SettingNotSupported: The worker cannot serve at all without support for a setting.
    """
    # The binary protocol between nginx and uWSGI: every request would be answered with 400.
    if getattr(cfg, "protocol", "http") != "http":
        raise SettingNotSupported(
            f"this worker does not speak protocol = {cfg.protocol!r}: leave that setting out, and"
            " let nginx use proxy_pass instead of uwsgi_pass"
        )
    for name, reason in _IGNORED.items():
        setting = cfg.settings.get(name)
        if setting is not None and setting.get() != type(setting)().get():
            yield f"The setting {name} is ignored: {reason}."


def sends_files(cfg: Any) -> bool:
    """Return whether the system may send files itself (gunicorn's setting ``sendfile``).

    Args:
        cfg: A :class:`gunicorn.config.Config`.
    """
    # gunicorn 27 treats any value that was set as False. The environment variable SENDFILE counts
    # if none was set.
    value = cfg.settings["sendfile"].get()
    return bool(cfg.sendfile if value is None else value)
