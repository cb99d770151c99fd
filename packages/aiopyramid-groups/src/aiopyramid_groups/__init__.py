"""Groups of WebSockets and event streams, in one worker or over many workers and hosts.

Include this package (``config.include("aiopyramid_groups")``). ``README.md`` is the introduction.
The modules, in reading order:

``group``
    What an application uses.
``_names``, ``_message``
    Names of groups; messages, encoded once for all members.
``_members``, ``_events``
    The members: WebSockets and event streams.
``_histories``, ``_channel``, ``_hub``
    What members have missed when they join; the members of one group on this worker, and their
    order; all groups of this worker.
``engine``, ``memory``
    The interface of engines, and the one for a single worker.
``redis``, ``_redis``, ``publisher``
    The engine for any number of workers, and messages from other processes.
``_counters``, ``counts``
    The numbers of groups, members and messages in this process.
``_futures``
    Futures for which several wait.
``settings``, ``_include``
    How all of this becomes part of an application.
``exceptions``
    The tree of all exceptions.
"""

from ._include import includeme
from ._message import GroupMessage, json_envelope
from .counts import GroupCounts, group_counts
from .exceptions import (
    EngineRefused,
    EngineUnavailable,
    GroupsError,
    GroupsNotStarted,
    InvalidGroupName,
    InvalidMessage,
    NotSent,
    OutcomeUnknown,
)
from .group import Group, group_of

__all__ = (
    "EngineRefused",
    "EngineUnavailable",
    "Group",
    "GroupCounts",
    "GroupMessage",
    "GroupsError",
    "GroupsNotStarted",
    "InvalidGroupName",
    "InvalidMessage",
    "NotSent",
    "OutcomeUnknown",
    "group_counts",
    "group_of",
    "includeme",
    "json_envelope",
)
