"""The same-origin check against cross-site WebSocket hijacking: which pages may connect.

Pure. A browser lets any page open a WebSocket to any site and sends the site's cookies with it;
only the ``Origin`` header shows from which site the page is (RFC 6455, 10.2; RFC 6454).
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

__all__ = ("is_allowed",)

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_allowed(origin: str | None, own: str, allowed: Iterable[str]) -> bool:
    """Return whether a page may connect.

    Args:
        origin: The ``Origin`` header. None is allowed, because every browser sends one, and other
            clients cannot be tricked into sending a user's cookies.
        own: The site's own origin, for example ``"https://example.com"``.
        allowed: Further origins; a host may begin with ``*.``, and ``*`` stands for any origin.
    """
    if origin is None:
        return True
    parts = _parts(origin)
    for pattern in (own, *allowed):
        if pattern == "*":
            return True
        if parts is not None and _matches(parts, _parts(pattern)):
            return True
    return False


_Parts = tuple[str, str, int | None]


def _parts(origin: str) -> _Parts | None:
    """Return scheme, host and port, or None if it is not an origin (``null`` is not)."""
    try:
        split = urlsplit(origin)
        port = split.port
    except ValueError:
        return None
    if not split.scheme or not split.hostname or split.path or split.query or "@" in split.netloc:
        return None
    return split.scheme, split.hostname, port or _DEFAULT_PORTS.get(split.scheme)


def _matches(origin: _Parts, pattern: _Parts | None) -> bool:
    if pattern is None:
        return False
    scheme, host, port = pattern
    if (scheme, port) != (origin[0], origin[2]):
        return False
    if host.startswith("*."):
        return origin[1].endswith(host[1:])
    return origin[1] == host
