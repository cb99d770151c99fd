"""Every exception of aiopyramid-groups.

::

    AiopyramidError (aiopyramid_core)
    └── GroupsError
        ├── InvalidGroupName    the name of a group is empty, too long or not a string
        ├── InvalidMessage      a message, or ``who``, has the wrong type or is too large
        ├── GroupsNotStarted    the application has not started, or has shut down
        ├── NotSent             the message was not sent, and nobody will receive it
        ├── OutcomeUnknown      the message may or may not have been sent
        ├── EngineUnavailable   the engine cannot answer at the moment
        └── EngineRefused       the engine refuses to serve this application
"""

from aiopyramid_core import AiopyramidError

__all__ = (
    "EngineRefused",
    "EngineUnavailable",
    "GroupsError",
    "GroupsNotStarted",
    "InvalidGroupName",
    "InvalidMessage",
    "NotSent",
    "OutcomeUnknown",
)


class GroupsError(AiopyramidError):
    """Base class of all exceptions of this package."""


class InvalidGroupName(GroupsError, ValueError):
    """The name of a group is empty, too long or not a string."""


class InvalidMessage(GroupsError, ValueError):
    """A message, or the ``who`` of a member, has the wrong type or is too large."""


class GroupsNotStarted(GroupsError, RuntimeError):
    """The application has not started yet, or has shut down."""

    def __str__(self) -> str:
        return (
            "Groups work after the application has started and before it has shut down: use them in"
            " requests, handlers, background tasks, or startup functions added after"
            " config.include('aiopyramid_groups'). In other processes use"
            " aiopyramid_groups.publisher.Publisher."
        )


class NotSent(GroupsError):
    """The message was not sent, and no member will receive it.

    Attributes:
        group: The name of the group.
        reason: Why it was not sent.
    """

    def __init__(self, group: str, reason: str) -> None:
        super().__init__(group, reason)
        self.group = group
        self.reason = reason

    def __str__(self) -> str:
        return f"The message to the group {self.group!r} was not sent: {self.reason}"


class OutcomeUnknown(GroupsError):
    """The message was sent to Redis, which did not answer: it may or may not have been delivered.

    Sending it again may deliver it twice.

    Attributes:
        group: The name of the group.
        reason: Why the outcome is not known.
    """

    def __init__(self, group: str, reason: str) -> None:
        super().__init__(group, reason)
        self.group = group
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"The message to the group {self.group!r} may or may not have been sent: {self.reason}."
            " If you send it again, members may receive it twice."
        )


class EngineUnavailable(GroupsError):
    """The engine cannot answer at the moment, for example because Redis cannot be reached."""


class EngineRefused(GroupsError):
    """The engine refuses to serve this application, for example because of a wrong password.

    A worker that is refused when it starts does not serve requests.
    """
