"""The addresses of clients, and the proxies among them that the settings name."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

__all__ = ("Address", "is_among")

Address = tuple[Any, ...] | str | bytes | None
"""A value of ``socket.getsockname`` or ``getpeername``: host and port, or a path."""


def is_among(peer: Address, allowed: tuple[str, ...]) -> bool:
    """Return whether a setting names a peer.

    Args:
        peer: The address of the peer.
        allowed: Addresses and networks, or ``*``.
    """
    if not isinstance(peer, tuple) or "*" in allowed:
        # The permissions of a Unix socket decide who can connect to it.
        return True
    return _is_in(str(peer[0]), allowed)


# Most connections come from a few addresses, those of the proxies. Reading the address and the
# networks took a twentieth of the time in which a connection is set up.
@lru_cache(maxsize=1024)
def _is_in(host: str, allowed: tuple[str, ...]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks(allowed))


@lru_cache(maxsize=8)
def _networks(allowed: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(item, strict=False) for item in allowed)
