"""Whether a request came over TLS, according to the connection or to a trusted proxy.

uWSGI uses ``X-Forwarded-Proto`` and ``X-Forwarded-Ssl`` as the scheme of the request, from any
client and with any value.
"""

from collections.abc import Callable
from typing import Any, Final

from aiopyramid_core.servers import Networks, is_among

__all__ = ("correct_scheme",)

_CLAIMS: Final = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SSL")


def correct_scheme(
    environ: dict[str, Any], trusted: Networks, peer: Callable[[], str | None]
) -> None:
    """Set ``wsgi.url_scheme`` to ``http`` or ``https``, and ignore peers that are not trusted.

    Args:
        environ: The request's environ.
        trusted: The addresses of the trusted proxies.
        peer: Returns the address of the other end of the connection: empty for a Unix socket, whose
            users are trusted; None if it is not known.
    """
    if not any(name in environ for name in _CLAIMS):
        return
    scheme = environ["wsgi.url_scheme"].lower()
    if scheme not in ("http", "https") or not is_among(peer(), trusted):
        # Set by uWSGI itself or by a proxy that speaks uWSGI's protocol; it is not a header field.
        https = environ.get("HTTPS", "").lower()
        scheme = "https" if https.startswith(("on", "1")) else "http"
    environ["wsgi.url_scheme"] = scheme
