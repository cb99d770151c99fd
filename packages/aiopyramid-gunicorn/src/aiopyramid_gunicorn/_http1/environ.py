"""From a request's head to a WSGI environ (PEP 3333): pure functions, no asyncio, no sockets."""

import os
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from aiopyramid_core.exceptions import BadRequest
from aiopyramid_core.servers import check_coding, check_host, is_host

from .head import RequestHead
from .peers import Address, is_among

__all__ = ("EnvironSettings", "build_environ", "connection_environ", "usual_keys")

Environ = dict[str, Any]

# RFC 9110, 5.3: fields that are not lists. If two of them were combined, the application could
# read a different request than the proxy in front of it did.
_SINGLETONS: Final = frozenset({"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"})


@dataclass(frozen=True, slots=True)
class EnvironSettings:
    """gunicorn's settings for the environ, prepared once per worker.

    Attributes:
        base: The entries that all requests of the worker share.
        scheme_headers: ``secure_scheme_headers``, with environ keys as names.
        forwarder_headers: ``forwarder_headers``, with environ keys as names.
        trusted: ``forwarded_allow_ips``: addresses and networks, or ``*``.
        header_map: The treatment of names with an underscore: ``drop``, ``refuse``, ``dangerous``.
        script_name: The path below which the application is mounted.
        tls: Whether connections are encrypted by the worker itself.
        proxies: ``proxy_allow_ips``: addresses and networks, or ``*``.
    """

    base: Environ
    scheme_headers: dict[str, str]
    forwarder_headers: frozenset[str]
    trusted: tuple[str, ...]
    header_map: str
    script_name: str
    tls: bool
    proxies: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, cfg: Any, base: Environ) -> "EnvironSettings":
        """Return the settings of a :class:`gunicorn.config.Config`.

        Args:
            cfg: gunicorn's settings.
            base: The entries that all requests of the worker share.
        """
        return cls(
            base=base,
            scheme_headers={
                _plain_key(name): value for name, value in cfg.secure_scheme_headers.items()
            },
            forwarder_headers=frozenset(_plain_key(name) for name in cfg.forwarder_headers),
            trusted=tuple(str(item) for item in cfg.forwarded_allow_ips),
            header_map=cfg.header_map,
            script_name=os.environ.get("SCRIPT_NAME", ""),
            tls=bool(cfg.is_ssl),
            proxies=tuple(str(item) for item in cfg.proxy_allow_ips),
        )

    def trusts(self, peer: Address) -> bool:
        """Return whether a peer's header fields about the original request are trusted."""
        return is_among(peer, self.trusted)

    def lets_proxy(self, peer: Address) -> bool:
        """Return whether a peer may send a PROXY header."""
        return is_among(peer, self.proxies)


def connection_environ(settings: EnvironSettings, peer: Address, local: Address) -> Environ:
    """Return the entries that all requests of one connection share.

    Args:
        settings: The worker's settings.
        peer: The client's address.
        local: The address at which the client reached the worker.
    """
    environ = settings.base.copy()
    environ["wsgi.url_scheme"] = "https" if settings.tls else "http"
    if isinstance(peer, tuple):
        environ["REMOTE_ADDR"] = str(peer[0])
        environ["REMOTE_PORT"] = str(peer[1])
    else:
        environ["REMOTE_ADDR"] = ""
    if isinstance(local, tuple):
        environ["SERVER_NAME"] = str(local[0])
        environ["SERVER_PORT"] = str(local[1])
    return environ


def build_environ(
    head: RequestHead, connection: Environ, settings: EnvironSettings, *, trusted: bool
) -> Environ:
    """Return the environ of a request, complete but for ``wsgi.input``.

    Args:
        head: The request's head.
        connection: The return value of :func:`connection_environ`.
        settings: The worker's settings.
        trusted: Whether the peer may forward for others; :meth:`EnvironSettings.trusts`.

    Raises:
        BadRequest: The header fields contradict each other or the protocol.
        CodingNotSupported: The transfer coding is valid and not supported.
    """
    environ = connection.copy()
    script_name = _add_headers(environ, head, settings, trusted)
    version = head.version
    environ["REQUEST_METHOD"] = head.method
    environ["SERVER_PROTOCOL"] = "HTTP/1.1" if version == (1, 1) else "HTTP/1.0"
    host = environ.get("HTTP_HOST")
    if host is None or not is_host(host):  # cached, and enough for most requests
        check_host(host, is_http_1_1=version == (1, 1))
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        check_coding(coding, is_http_1_0=version == (1, 0))
    _add_target(environ, head.target, script_name)
    if trusted and not settings.scheme_headers.keys().isdisjoint(environ.keys()):
        _apply_scheme_headers(environ, head, settings)
    if "SERVER_NAME" not in environ:
        _name_server_by_host(environ)
    return environ


# --- Header fields --------------------------------------------------------------------------------


def _plain_key(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def _environ_key(name: str) -> tuple[str, bool]:
    """Return a field's environ key, and whether the name contains an underscore."""
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH") or "_" in name:
        key = "HTTP_" + key
    return key, "_" in name


usual_keys: Final[dict[str, str]] = {}
"""The environ keys of the field names without underscores that clients have sent lately."""

_MOST_KEYS: Final = 1024


def _add_headers(
    environ: Environ, head: RequestHead, settings: EnvironSettings, trusted: bool
) -> str:
    """Add the header fields, and drop those from the head that the application must not see.

    Returns:
        The path below which the application is mounted.
    """
    usual_key = usual_keys.get
    for line in head.lines:
        # This loop takes most of the time for a browser's head, so it calls no function of ours.
        name, _, value = line.partition(":")
        key = usual_key(name)
        if key is None or key in environ:
            return _add_unusual_headers(environ, head, settings, trusted)
        environ[key] = value.strip(" \t")
    return settings.script_name


def _add_unusual_headers(
    environ: Environ, head: RequestHead, settings: EnvironSettings, trusted: bool
) -> str:
    """Add all header fields if some of them are new, repeated or have an underscore."""
    script_name = settings.script_name
    dropped = []
    added: Environ = {}
    for line in head.lines:
        name, _, value = line.partition(":")
        key, ambiguous = _environ_key(name)
        if not ambiguous:
            if len(usual_keys) >= _MOST_KEYS:
                usual_keys.clear()
            usual_keys[name] = key
        elif not _admits(key, settings, trusted):
            # X_Forwarded_For and X-Forwarded-For would get the same key, so that a client could
            # pretend to be a proxy.
            if settings.header_map == "refuse":
                raise BadRequest(f"header field names with underscores are refused: {name!r}")
            dropped.append(line)
            continue
        value = value.strip(" \t")
        if ambiguous and trusted and key == "HTTP_SCRIPT_NAME":
            # Only with the underscore, because proxies pass on a client's Script-Name.
            script_name = value
        if key not in added:
            added[key] = value
        elif key in _SINGLETONS:
            raise BadRequest(f"the header field {name} is repeated")
        else:
            added[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
    environ |= added
    if dropped:  # gunicorn's hooks and access log read the head
        head.lines = [line for line in head.lines if line not in dropped]
    return script_name


def _admits(key: str, settings: EnvironSettings, trusted: bool) -> bool:
    if settings.header_map == "dangerous":
        return True
    named = settings.forwarder_headers
    return trusted and (key in named or "HTTP_*" in named)


def _apply_scheme_headers(environ: Environ, head: RequestHead, settings: EnvironSettings) -> None:
    # Line by line, as gunicorn does: two equal lines, once joined, would not match.
    known = settings.scheme_headers
    fields = ((*_environ_key(name), value) for name, value in head.fields)
    schemes = {
        "https" if value == known[key] else "http"
        for key, ambiguous, value in fields
        if key in known and not ambiguous
    }
    if len(schemes) > 1:
        raise BadRequest("the secure_scheme_headers of this request contradict each other")
    if schemes:
        environ["wsgi.url_scheme"] = schemes.pop()


def _name_server_by_host(environ: Environ) -> None:
    """Derive the server's name from Host: a Unix socket has none, and PEP 3333 requires one."""
    host, _, port = environ.get("HTTP_HOST", "").rpartition(":")
    if not port.isdigit():
        host, port = environ.get("HTTP_HOST", ""), ""
    environ["SERVER_NAME"] = host or "localhost"
    environ["SERVER_PORT"] = port or ("443" if environ["wsgi.url_scheme"] == "https" else "80")


# --- The request target ---------------------------------------------------------------------------


def _add_target(environ: Environ, target: str, script_name: str) -> None:
    environ["RAW_URI"] = target
    if target[:1] != "/":
        target = _origin_form(environ, target)
    elif environ["REQUEST_METHOD"] == "CONNECT":
        raise BadRequest("CONNECT needs a host and a port (RFC 9110, 9.3.6)")
    if "#" in target:
        raise BadRequest("the request target has a fragment (RFC 9112, 3.2)")
    path, _, environ["QUERY_STRING"] = target.partition("?")
    if script_name:
        below = path[len(script_name) :]
        if not path.startswith(script_name) or below[:1] not in ("", "/"):
            raise BadRequest(f"the path {path!r} is not below SCRIPT_NAME {script_name!r}")
        path = below
    environ["SCRIPT_NAME"] = script_name
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def _origin_form(environ: Environ, target: str) -> str:
    """Return the path and query of a target in any other form (RFC 9112, 3.2)."""
    method = environ["REQUEST_METHOD"]
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        if not host or not port or not is_host(target):
            raise BadRequest("CONNECT needs a host and a port (RFC 9110, 9.3.6)")
        return ""
    if target == "*":
        if method != "OPTIONS":
            raise BadRequest("an asterisk is a target of OPTIONS only (RFC 9112, 3.2.4)")
        return ""
    try:
        parts = urlsplit(target)
    except ValueError:
        raise BadRequest(f"invalid request target: {target!r} is not a URI") from None
    # User information in it (RFC 9110, 4.2.4) is not part of a host, either.
    if not parts.netloc or not is_host(parts.netloc) or "#" in target:
        raise BadRequest(f"the request target {target!r} is neither a path nor an http URI")
    environ["HTTP_HOST"] = parts.netloc
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
