"""Which server of a cluster has a key: pure functions of the cluster's own answers."""

from collections.abc import Sequence
from typing import Any

from redis.crc import key_slot

from .address import ServerName

__all__ = ("SlotMap",)


class SlotMap:
    """The masters of a cluster, and the hash slots that each has.

    Args:
        reply: The answer to ``CLUSTER SLOTS``.
        asked: The server that gave it; it names itself by an empty host.

    Attributes:
        servers: The masters that have slots.
    """

    def __init__(self, reply: Sequence[Any], asked: ServerName) -> None:
        self._ranges = sorted(
            (int(first), int(last), _name(master, asked)) for first, last, master, *_ in reply
        )
        self.servers = frozenset(name for _, _, name in self._ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SlotMap) and self._ranges == other._ranges

    __hash__ = None  # type: ignore[assignment]

    def server_of(self, key: str) -> ServerName | None:
        """Return the server that has a key, or None if no server has its slot."""
        slot = key_slot(key.encode())
        return next((name for first, last, name in self._ranges if first <= slot <= last), None)


def _name(master: Sequence[Any], asked: ServerName) -> ServerName:
    host = master[0].decode() if isinstance(master[0], bytes) else master[0]
    return host or asked[0], int(master[1])
