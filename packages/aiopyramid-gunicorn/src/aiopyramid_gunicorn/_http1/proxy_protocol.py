"""The PROXY protocol, versions 1 and 2: a proxy's header about its client, before the first byte.

Pure: no asyncio, no sockets. The specification is HAProxy's ``proxy-protocol.txt``.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from aiopyramid_core.exceptions import BadRequest

__all__ = ("ProxyHeader", "ProxyHeaderReader")

_V1_PREFIX: Final = b"PROXY "
_V1_ADDRESSES: Final = {"TCP4": IPv4Address, "TCP6": IPv6Address}
_V1_LONGEST_BYTES: Final = 107
"""Longest first line of version 1, CRLF included (section 2.1)."""

_V2_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_FIXED: Final = struct.Struct("!12sBBH")
_V2_LONGEST_BYTES: Final = _V2_FIXED.size + 4096
"""Addresses take 36 bytes; the rest are extensions (certificates, for example) that are skipped."""

_V2_LOCAL: Final = 0x20
_V2_PROXY: Final = 0x21
_V2_FAMILIES: Final = {
    0x11: ("TCP4", struct.Struct("!4s4sHH"), IPv4Address),
    0x21: ("TCP6", struct.Struct("!16s16sHH"), IPv6Address),
}
_V2_UNSPECIFIED: Final = 0x00


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The two ends of the connection between the client and the proxy.

    Attributes:
        protocol: ``TCP4`` or ``TCP6``.
        client: Address and port of the client.
        proxy: Address and port at which the client reached the proxy.
    """

    protocol: str
    client: tuple[str, int]
    proxy: tuple[str, int]

    def environ(self) -> dict[str, str]:
        """Return the environ entries for the application, as gunicorn names them."""
        return {
            "PROXY_PROTOCOL": self.protocol,
            "REMOTE_ADDR": self.client[0],
            "REMOTE_PORT": str(self.client[1]),
            "PROXY_ADDR": self.proxy[0],
            "PROXY_PORT": str(self.proxy[1]),
        }


class ProxyHeaderReader:
    """Reads the header from the beginning of a connection, however the bytes are split.

    Args:
        mode: gunicorn's ``proxy_protocol``: ``v1``, ``v2``, or ``auto`` for both. A connection
            that begins otherwise is served as plain HTTP, as gunicorn does: its own health
            checks send no header.
    """

    __slots__ = ("_buffer", "_v1", "_v2")

    def __init__(self, mode: str) -> None:
        self._buffer = b""
        self._v1 = mode in ("v1", "auto")
        self._v2 = mode in ("v2", "auto")

    def feed(self, data: bytes) -> tuple[ProxyHeader | None, bytes] | None:
        """Read data that has arrived.

        Args:
            data: Bytes from the connection.

        Returns:
            None while more data is needed; then the header, or None if there is none or it has no
            addresses, and the bytes after it.

        Raises:
            BadRequest: The header is malformed.
        """
        self._buffer += data
        buffer = self._buffer
        if self._v2 and _may_begin_with(buffer, _V2_SIGNATURE):
            return self._read_v2() if len(buffer) >= _V2_FIXED.size else None
        if self._v1 and _may_begin_with(buffer, _V1_PREFIX):
            return self._read_v1() if len(buffer) >= len(_V1_PREFIX) else None
        return None, buffer

    def _read_v1(self) -> tuple[ProxyHeader | None, bytes] | None:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end and len(line) < _V1_LONGEST_BYTES - 1:
            return None
        if not end or len(line) + 2 > _V1_LONGEST_BYTES:
            raise BadRequest("the PROXY line is too long")
        try:
            return _parse_v1(line.decode("ascii")), rest
        except ValueError:
            raise BadRequest(f"the PROXY line {line!r} is malformed") from None

    def _read_v2(self) -> tuple[ProxyHeader | None, bytes] | None:
        _, command, family, length = _V2_FIXED.unpack_from(self._buffer)
        end = _V2_FIXED.size + length
        if end > _V2_LONGEST_BYTES:
            raise BadRequest(f"the PROXY header announces {length} bytes, which is too long")
        if len(self._buffer) < end:
            return None
        payload, rest = self._buffer[_V2_FIXED.size : end], self._buffer[end:]
        return _parse_v2(command, family, payload), rest


def _may_begin_with(data: bytes, prefix: bytes) -> bool:
    """Return whether ``data`` begins with ``prefix``, or is still too short to tell."""
    return data[: len(prefix)] == prefix[: len(data)]


def _parse_v1(line: str) -> ProxyHeader | None:
    _, protocol, *rest = line.split(" ")
    if protocol == "UNKNOWN":
        return None
    make = _V1_ADDRESSES.get(protocol)
    # A zone, as in fe80::1%eth0, may be any text, and has no meaning on another machine.
    if make is None or len(rest) != 4 or "%" in line:
        raise ValueError(line)
    source, destination = str(make(rest[0])), str(make(rest[1]))
    return ProxyHeader(protocol, (source, _port(rest[2])), (destination, _port(rest[3])))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ValueError(text)
    return int(text)


def _parse_v2(command: int, family: int, payload: bytes) -> ProxyHeader | None:
    if command == _V2_LOCAL:
        # A health check by the proxy itself.
        return None
    if command != _V2_PROXY:
        raise BadRequest(f"the PROXY header has the unknown version and command {command:#04x}")
    if family == _V2_UNSPECIFIED:
        return None
    if family not in _V2_FAMILIES:
        raise BadRequest(f"the PROXY header has the unsupported family {family:#04x}")
    protocol, layout, make = _V2_FAMILIES[family]
    if len(payload) < layout.size:
        raise BadRequest("the PROXY header is too short for its addresses")
    source, destination, source_port, destination_port = layout.unpack_from(payload)
    return ProxyHeader(
        protocol, (str(make(source)), source_port), (str(make(destination)), destination_port)
    )
