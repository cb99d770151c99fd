"""The interface between groups and the engine that carries their messages.

An engine numbers the messages of each group, keeps the latest of them, and delivers each to every
worker that has subscribed to the group. Members, queues and gaps are none of its concern: the rest
of the package notices a gap from the identifiers and asks for the history. An engine for another
message broker implements :class:`Engine`, and is given to an application with
``config.registry["aiopyramid.groups.engine"] = engine`` before ``config.include``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ("Engine", "Entry", "History", "Sink", "order_of")


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the order of its group.

    Attributes:
        id: Its identifier: two whole numbers, as in ``1700000000000-0``. The identifiers of a group
            grow as long as the engine keeps the group.
        data: The message, opaque to the engine.
    """

    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class History:
    """The latest messages of a group.

    Attributes:
        entries: The messages, the oldest first.
        is_complete: Whether these are all messages after the identifier that was asked for.
        end: The position after the last of them.
    """

    entries: Sequence[Entry]
    is_complete: bool
    end: str


class Sink(Protocol):
    """The receiver of an engine's messages, called on the event loop."""

    def receive(self, group: str, id: str, previous: str, data: bytes) -> None:
        """Take a message of a group.

        Args:
            group: The group's name.
            id: The message's identifier.
            previous: The position before it: the identifier of the message before, if there is one.
            data: The message.
        """

    def connected(self) -> None:
        """Learn that messages may have been missed, and that they arrive from now on."""


class Engine(Protocol):
    """Carries messages between the workers of an application.

    Every method is called on the event loop. Methods raise
    :class:`~aiopyramid_groups.exceptions.EngineUnavailable` while the engine cannot answer.

    Attributes:
        is_shared: Whether it reaches other workers.
    """

    is_shared: bool

    async def start(self, sink: Sink) -> None:
        """Begin; an engine that cannot be reached yet continues to try.

        Raises:
            EngineRefused: It refuses to serve this application: the worker does not start.
        """

    async def stop(self) -> None:
        """Stop, and close all connections."""

    async def publish(self, group: str, data: bytes) -> str:
        """Append a message to a group and deliver it; return its identifier.

        Raises:
            NotSent: The message was not appended, and will not be.
            OutcomeUnknown: The message may have been appended.
        """

    async def subscribe(self, group: str) -> str:
        """Deliver the messages of a group from now on, also after a lost connection.

        It may be called again for the same group, with the same effect.

        Returns:
            The position of the group's end. All messages after it will be delivered.
        """

    def unsubscribe(self, group: str) -> None:
        """Deliver no more messages of a group."""

    async def history(self, group: str, after: str | None) -> History:
        """Return the messages of a group after an identifier or position; None for all."""

    def set_present(self, group: str, member: str, who: str | None) -> None:
        """Make a member visible to all workers, now and after a lost connection.

        Args:
            group: The group's name.
            member: A name of the member that is unique in this worker.
            who: A description of the member; None if it has left.
        """

    async def present(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group, of all workers that are alive."""


def order_of(id: str) -> tuple[int, int]:
    """Return a key by which the identifiers of one group are sorted.

    Raises:
        ValueError: It is not an identifier.
    """
    milliseconds, dash, number = id.partition("-")
    if not (
        dash and id.isascii() and milliseconds.isdecimal() and number.isdecimal() and len(id) < 42
    ):
        raise ValueError(f"invalid identifier of a message: {id!r}")
    return int(milliseconds), int(number)
