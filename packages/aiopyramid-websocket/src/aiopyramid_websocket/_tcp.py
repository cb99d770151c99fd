"""What TCP knows of a client from whom nothing is read."""

import asyncio
import socket
import struct
import sys
from typing import Final

__all__ = ("acknowledged_within",)

# Linux only; the fields of struct tcp_info (linux/tcp.h) have kept their places since its 2.6.
_TCP_INFO: Final[int | None] = (
    getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
)
_LAST_ACK_RECEIVED: Final = 56
_MILLISECONDS: Final = struct.Struct("=I")


_TICK_SECONDS: Final = 0.1
"""More than the kernel's clock may be wrong, which counts ticks of up to 10 ms."""


def acknowledged_within(transport: asyncio.BaseTransport, seconds: float) -> bool:
    """Return whether the client's machine has acknowledged anything lately.

    Args:
        transport: The connection.
        seconds: How long ago that may be.

    Returns:
        Whether it has; True as well where nobody knows: only Linux tells, and only of TCP.
    """
    sock = transport.get_extra_info("socket")
    if _TCP_INFO is None or sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_ACK_RECEIVED + _MILLISECONDS.size)
    (milliseconds,) = _MILLISECONDS.unpack_from(info, _LAST_ACK_RECEIVED)
    return bool(milliseconds <= 1000 * (seconds + _TICK_SECONDS))
