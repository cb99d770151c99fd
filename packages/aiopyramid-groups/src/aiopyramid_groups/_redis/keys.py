"""The names of everything that is stored in Redis, and of the channels.

All keys of a group have one hash tag, ``{prefix:group}``, and so are on one shard. The name of the
group is quoted, so that it contains neither braces, colons nor slashes.
"""

import functools
from dataclasses import dataclass

from .._names import quote_name

__all__ = ("GroupKeys", "group_keys", "worker_key")


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """The keys of one group.

    Attributes:
        stream: A stream: the latest messages.
        run: A string: the run of Redis in which the messages were appended.
        present: A hash: the members that are listed.
        channel: The channel on which messages are published. Channels, unlike keys, do not belong
            to one of Redis's databases, so that its number is a part of the name.
    """

    stream: str
    run: str
    present: str
    channel: str


@functools.lru_cache(maxsize=4096)
def group_keys(prefix: str, group: str, database: int) -> GroupKeys:
    """Return the keys of a group."""
    tag = f"{{{prefix}:{quote_name(group)}}}"
    return GroupKeys(f"{tag}:stream", f"{tag}:run", f"{tag}:present", f"{tag}@{database}")


def worker_key(prefix: str, worker: str, number: int = 0) -> str:
    """Return a key that exists while a worker is alive.

    Args:
        prefix: The prefix of the application.
        worker: The worker's identifier.
        number: 0 for the key that all workers look at. Keys with other numbers are on other
            servers of a cluster.
    """
    return f"{{{prefix}:/{number}}}:worker:{worker}"
