"""TCP's own information about a client, for when nothing is read from it."""

import asyncio
import socket
import struct
import sys
from typing import Final

__all__ = ("acknowledged_within",)

# Linux only; the offsets of the fields of struct tcp_info (linux/tcp.h) are the same since 2.6.
_TCP_INFO: Final[int | None] = (
    getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
)
_LAST_ACK_RECEIVED: Final = 56
_MILLISECONDS: Final = struct.Struct("=I")


_TICK_SECONDS: Final = 0.1
"""More than the error of the kernel's clock, which counts ticks of up to 10 ms."""


def acknowledged_within(transport: asyncio.BaseTransport, seconds: float) -> bool:
    """Return whether the client's machine has acknowledged anything recently.

    Args:
        transport: The connection.
        seconds: How long ago that may be.

    Returns:
        Whether it has; also True if that is unknown: only Linux reports it, and only for TCP.
    """
    sock = transport.get_extra_info("socket")
    if _TCP_INFO is None or sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_ACK_RECEIVED + _MILLISECONDS.size)
    (milliseconds,) = _MILLISECONDS.unpack_from(info, _LAST_ACK_RECEIVED)
    return bool(milliseconds <= 1000 * (seconds + _TICK_SECONDS))
