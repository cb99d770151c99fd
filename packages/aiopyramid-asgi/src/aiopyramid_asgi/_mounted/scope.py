"""From a request of Pyramid to an ASGI scope: pure functions, no asyncio.

The path contains the root path (ASGI HTTP and WebSocket specification, 2.3). Header fields are
those that an ASGI server has received, or those of the environ, in which repeated fields are
combined.
"""

from typing import Any, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .._environ import SCOPE
from .._types import Scope

__all__ = ("REQUEST", "http_scope", "websocket_scope")

REQUEST: Final = "aiopyramid.request"
"""The key of Pyramid's request in the scope of a mounted application."""

_SAFE: Final = "/!$&'()*+,;=:@~"
"""Characters that need no escape in a path (RFC 3986, 3.3)."""


def http_scope(request: Any, rest: str) -> Scope:
    """Return the scope of an HTTP request.

    Args:
        request: Pyramid's request.
        rest: The part of the path that is below the application.
    """
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": request.method,
        "scheme": request.scheme,
        "extensions": _extensions(request.environ),
        **_common(request, rest),
    }


def websocket_scope(request: Any, rest: str) -> Scope:
    """Return the scope of a WebSocket.

    Args:
        request: Pyramid's request, an opening handshake.
        rest: The part of the path that is below the application.
    """
    offered = request.environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "wss" if request.scheme == "https" else "ws",
        "subprotocols": [name for item in offered.split(",") if (name := item.strip(" \t"))],
        "extensions": {"websocket.http.response": {}, **_extensions(request.environ)},
        **_common(request, rest),
    }


def _common(request: Any, rest: str) -> Scope:
    environ = request.environ
    path: str = request.script_name + request.path_info
    host, port = environ.get("REMOTE_ADDR"), environ.get("REMOTE_PORT")
    return {
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "path": path,
        "raw_path": _raw_path(environ),
        "root_path": path[: len(path) - len(rest)],
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "headers": _headers(environ),
        "client": (host, int(port or 0)) if host else None,
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        REQUEST: request,
    }


def _extensions(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the extensions of the server that describe the connection, and send nothing."""
    given = environ.get(SCOPE, {}).get("extensions") or {}
    return {name: value for name, value in given.items() if name == "tls"}


def _raw_path(environ: dict[str, Any]) -> bytes:
    """Return the path as the client has sent it, if the server tells and it is the same one."""
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI", "")
    raw = environ.get(SCOPE, {}).get("raw_path") or target.encode("latin-1")
    raw = raw.partition(b"?")[0]
    if unquote_to_bytes(raw) == path:
        return bytes(raw)
    return quote_from_bytes(path, _SAFE).encode("ascii")


def _headers(environ: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    if SCOPE in environ:
        return [(bytes(name), bytes(value)) for name, value in environ[SCOPE]["headers"]]
    return [
        (_name(key), value.encode("latin-1"))
        for key, value in environ.items()
        if (key.startswith("HTTP_") or key in _WITHOUT_PREFIX) and value
    ]


_WITHOUT_PREFIX: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")


def _name(key: str) -> bytes:
    return key.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1")
