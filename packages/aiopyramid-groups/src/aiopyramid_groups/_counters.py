"""The numbers of groups, members and messages in this process while they change."""

from typing import Final

__all__ = ("Counters", "counters")


class Counters:
    """See :class:`~aiopyramid_groups.counts.GroupCounts` for the numbers."""

    __slots__ = ("closed", "delivered", "dropped", "groups", "members", "resyncs", "sent")

    def __init__(self) -> None:
        self.groups = 0
        self.members = 0
        self.sent = 0
        self.delivered = 0
        self.resyncs = 0
        self.closed = 0
        self.dropped = 0


counters: Final = Counters()
"""Those of this process."""
