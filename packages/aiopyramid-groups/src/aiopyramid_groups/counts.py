"""The numbers of groups, members and messages in this process, for metrics."""

from typing import NamedTuple

from ._counters import counters

__all__ = ("GroupCounts", "group_counts")


class GroupCounts(NamedTuple):
    """Numbers of this process: those of groups and members are of now, the others totals.

    Attributes:
        groups: Groups that have members in this process.
        members: Their members in this process.
        sent: Messages that this process has sent.
        delivered: Messages that members in this process have got, counted for each member.
        resyncs: How often a member was told that messages may be missing.
        closed: Members that were disconnected because they did not keep up.
        dropped: Messages that were left out for a member that did not keep up.
    """

    groups: int
    members: int
    sent: int
    delivered: int
    resyncs: int
    closed: int
    dropped: int


def group_counts() -> GroupCounts:
    """Return the numbers of this process, of all its applications together."""
    return GroupCounts(*(getattr(counters, name) for name in GroupCounts._fields))
