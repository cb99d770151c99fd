"""The two kinds of channels that Redis has."""

from typing import Final

__all__ = ("PLAIN", "SHARDED", "ChannelKind")


class ChannelKind:
    """The names of the commands and answers of one kind of channels.

    Args:
        prefix: ``S`` for the channels of a cluster's shards, otherwise empty.
    """

    def __init__(self, prefix: str) -> None:
        self.publish = f"{prefix}PUBLISH"
        self.subscribe = f"{prefix}SUBSCRIBE"
        self.unsubscribe = f"{prefix}UNSUBSCRIBE"
        self.message = f"{prefix}message".lower().encode()
        self.unsubscribed = self.unsubscribe.lower().encode()


PLAIN: Final = ChannelKind("")
"""The channels of a single server, or of a master with replicas."""

SHARDED: Final = ChannelKind("S")
"""The channels of a cluster, each of which is on the server that has the keys with its hash tag."""
