"""The addresses of trusted proxies, as servers read them from a setting."""

import ipaddress
from typing import Any

__all__ = ("Networks", "is_among", "networks")

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
"""The addresses that a setting names."""


def networks(value: Any) -> Networks:
    """Read a setting.

    Args:
        value: Addresses and networks, separated by spaces or commas; ``*`` for all.

    Raises:
        ValueError: One of them is neither.
    """
    text = str(value).replace(",", " ").replace("*", "0.0.0.0/0 ::/0")
    return tuple(ipaddress.ip_network(item) for item in text.split())


def is_among(address: str | None, trusted: Networks) -> bool:
    """Return whether an address is in one of the networks.

    Args:
        address: An IP address, which may have a zone. An empty one stands for a Unix socket, whose
            users are trusted; None for an unknown address, which is not.
        trusted: The networks.
    """
    if not address:
        return address is not None
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in trusted)
