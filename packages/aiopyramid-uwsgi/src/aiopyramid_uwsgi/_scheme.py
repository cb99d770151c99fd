"""Whether a request came by TLS: what the connection says, or a proxy whose word counts.

uWSGI takes ``X-Forwarded-Proto`` and ``X-Forwarded-Ssl`` for the scheme of the request, whoever
sends them and whatever they are.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, Final

__all__ = ("Networks", "correct_scheme", "networks")

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

_CLAIMS: Final = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_SSL")


def networks(value: Any) -> Networks:
    """Read a setting.

    Args:
        value: Addresses and networks, separated by spaces or commas; ``*`` for all.

    Raises:
        ValueError: One of them is neither.
    """
    text = str(value).replace(",", " ").replace("*", "0.0.0.0/0 ::/0")
    return tuple(ipaddress.ip_network(item) for item in text.split())


def correct_scheme(
    environ: dict[str, Any], trusted: Networks, peer: Callable[[], str | None]
) -> None:
    """Let ``wsgi.url_scheme`` be ``http`` or ``https``, and nobody's choice who may not choose.

    Args:
        environ: The request's environ.
        trusted: Those whose word counts.
        peer: Returns the address of the other end of the connection: empty for a Unix socket, as
            whoever may write to that is trusted; None if it is not known.
    """
    if not any(name in environ for name in _CLAIMS):
        return
    scheme = environ["wsgi.url_scheme"].lower()
    if scheme not in ("http", "https") or not _is_among(peer(), trusted):
        # uWSGI's own word, or that of a proxy that speaks uWSGI's protocol: no header field.
        https = environ.get("HTTPS", "").lower()
        scheme = "https" if https.startswith(("on", "1")) else "http"
    environ["wsgi.url_scheme"] = scheme


def _is_among(address: str | None, trusted: Networks) -> bool:
    if not address:
        return address is not None
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in trusted)
