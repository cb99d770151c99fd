"""From an ASGI scope to a WSGI environ (PEP 3333): pure functions, no asyncio.

Servers differ in what they put into a scope. The specification leaves some of that open, and the
rest is in :func:`_set_path`.
"""

import sys
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from aiopyramid_core.exceptions import BadRequest
from aiopyramid_core.servers import (
    FileWrapper,
    Networks,
    check_coding,
    check_host,
    is_among,
    is_host,
)

from ._types import Scope
from .exceptions import ExpectationFailed

__all__ = ("SCOPE", "build_environ")

SCOPE: Final = "aiopyramid.asgi.scope"
"""The key of the server's scope in the environ, for ASGI applications that are mounted below."""

Environ = dict[str, Any]

# RFC 9110, 5.3: fields that are not lists. If two of them were combined, the application could
# read a different request than the proxy in front of it did.
_SINGLETONS: Final = frozenset({"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"})

_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""The schemes of scopes, and those of the URLs that the application makes."""

_USUAL: Final[Environ] = {
    "REQUEST_METHOD": "GET",  # RFC 6455, 4.1: a WebSocket has no other
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
}
"""The entries that most requests have."""


def build_environ(scope: Scope, trusted: Networks, *, multiprocess: bool = True) -> Environ:
    """Return the environ of a request, complete but for ``wsgi.input``.

    Args:
        scope: The scope of an HTTP request, or of the opening handshake of a WebSocket.
        trusted: The proxies whose ``X-Forwarded-*`` fields count.
        multiprocess: Whether several processes may serve the application.

    Raises:
        BadRequest: The header fields contradict each other or the protocol.
        CodingNotSupported: The transfer coding is valid and not supported.
        ExpectationFailed: ``Expect`` asks for something other than ``100-continue``.
    """
    path: str = scope["path"]
    raw: bytes | None = scope.get("raw_path")
    environ = _USUAL.copy()  # a quarter of the time of a dictionary made anew
    environ["PATH_INFO"] = path
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multiprocess"] = multiprocess
    environ[SCOPE] = scope
    if (method := scope.get("method", "GET")) != "GET":
        environ["REQUEST_METHOD"] = method
    if query := scope.get("query_string"):
        environ["QUERY_STRING"] = query.decode("latin-1")
    if (version := scope.get("http_version", "1.1")) != "1.1":
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
    if (scheme := scope.get("scheme", "http")) != "http":
        environ["wsgi.url_scheme"] = _SCHEMES.get(scheme, "http")
    if path[:1] != "/" and path:
        _set_target(environ, path)
    elif scope.get("root_path") or not path.isascii() or (raw is not None and b"%" in raw):
        _set_path(environ, path, raw, scope.get("root_path", ""))
    _add_headers(environ, scope["headers"])
    _check_head(environ)
    _add_addresses(environ, scope)
    if "HTTP_X_FORWARDED_PROTO" in environ or "HTTP_X_FORWARDED_FOR" in environ:
        _apply_forwarded(environ, trusted)
    return environ


def _check_head(environ: Environ) -> None:
    """Check the fields that the application relies on, which some servers do not check."""
    version = environ["SERVER_PROTOCOL"]
    host = environ.get("HTTP_HOST")
    if host is None or not is_host(host):  # cached, and enough for most requests
        check_host(host, is_http_1_1=version == "HTTP/1.1")
    if "HTTP_TRANSFER_ENCODING" in environ:
        check_coding(environ["HTTP_TRANSFER_ENCODING"], is_http_1_0=version == "HTTP/1.0")
    if "HTTP_EXPECT" in environ and version != "HTTP/1.0":
        _check_expectation(environ["HTTP_EXPECT"])


def _check_expectation(expectation: str) -> None:
    if expectation.lower() != "100-continue":
        raise ExpectationFailed("the only supported Expect value is 100-continue")


# --- Path and addresses ---------------------------------------------------------------------------


def _set_target(environ: Environ, target: str) -> None:
    """Set the path of a request whose target is not a path (RFC 9112, 3.2)."""
    if target != "*" or environ["REQUEST_METHOD"] != "OPTIONS":
        raise BadRequest(f"invalid request target {target!r}: expected a path")
    environ["PATH_INFO"] = ""  # the server as a whole


def _set_path(environ: Environ, path: str, raw: bytes | None, root: str) -> None:
    decoded = _bytes_of_path(path, raw).decode("latin-1")
    root = root.rstrip("/")
    if not root.isascii():
        root = root.encode(errors="surrogateescape").decode("latin-1")
    # Servers disagree on whether the path contains the root: it does where the server adds it
    # (uvicorn) and where a framework mounts the application; otherwise, if a proxy leaves it there.
    if root and decoded.startswith(root) and decoded[len(root) :][:1] in ("", "/"):
        decoded = decoded[len(root) :]
    environ["SCRIPT_NAME"] = root
    environ["PATH_INFO"] = decoded


def _bytes_of_path(path: str, raw: bytes | None) -> bytes:
    """Return the bytes of a path, which a server has decoded as UTF-8."""
    if raw is not None:
        found = unquote_to_bytes(raw.partition(b"?")[0])
        # In ``path`` all that is not UTF-8 is replaced, so it is of use only where a framework has
        # changed it, and not the other one.
        if found.decode(errors="replace") == path:
            return found
    return path.encode(errors="surrogateescape")


def _add_addresses(environ: Environ, scope: Scope) -> None:
    # A Unix socket has no addresses, and PEP 3333 requires the server's.
    environ["REMOTE_ADDR"] = ""
    if client := scope.get("client"):
        environ["REMOTE_ADDR"], port = client
        if port:
            environ["REMOTE_PORT"] = str(port)
    server = scope.get("server")
    if server and server[1] is not None:
        environ["SERVER_NAME"] = server[0]
        environ["SERVER_PORT"] = str(server[1])
    else:
        host, _, port = environ.get("HTTP_HOST", "").rpartition(":")
        if not port.isdigit():
            host, port = environ.get("HTTP_HOST", ""), ""
        is_https = environ["wsgi.url_scheme"] == "https"
        environ["SERVER_NAME"] = host or "localhost"
        environ["SERVER_PORT"] = port or ("443" if is_https else "80")


def _apply_forwarded(environ: Environ, trusted: Networks) -> None:
    """Take over what a trusted proxy says about its client; uvicorn has done so already."""
    if not is_among(environ["REMOTE_ADDR"], trusted):
        return
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
    if scheme in _SCHEMES:
        environ["wsgi.url_scheme"] = _SCHEMES[scheme]
    chain = [item.strip() for item in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    # From the end, since the client itself may have sent the beginning.
    for address in reversed([item for item in chain if item]):
        environ["REMOTE_ADDR"] = address
        environ.pop("REMOTE_PORT", None)
        if not is_among(address, trusted):
            break


# --- Header fields --------------------------------------------------------------------------------

_usual_keys: Final[dict[bytes, str]] = {}
"""The environ keys of the field names that clients have sent lately."""

_MOST_KEYS: Final = 1024


def _add_headers(environ: Environ, headers: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        key = _usual_keys.get(name)
        if key is None:
            key = _environ_key(name)
        if not key:
            continue
        text = value.decode("latin-1").strip(" \t")
        if key not in environ:
            environ[key] = text
        elif key in _SINGLETONS:
            raise BadRequest(f"the header field {name.decode('latin-1')} is repeated")
        else:
            # RFC 9113, 8.2.3: HTTP/2 and HTTP/3 send each cookie in a field of its own.
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + text


def _environ_key(name: bytes) -> str:
    """Return the environ key of a field; empty for a field that is dropped.

    Names with an underscore are dropped: ``X_Forwarded_For`` and ``X-Forwarded-For`` would get the
    same key, so that a client could pretend to be a proxy.
    """
    key = ""
    if b"_" not in name and name[:1] != b":":
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
    if len(_usual_keys) >= _MOST_KEYS:
        _usual_keys.clear()
    _usual_keys[name] = key
    return key
