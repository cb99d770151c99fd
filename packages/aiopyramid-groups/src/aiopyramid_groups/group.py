"""Groups, as an application uses them."""

import contextlib
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from pyramid.exceptions import ConfigurationError

from aiopyramid_websocket import WebSocket

from ._events import GroupEvents
from ._hub import Hub, hub_of
from ._members import WebSocketMember
from ._message import Envelope, GroupMessage, Slow, encode, to_json
from ._names import check_name
from .exceptions import InvalidMessage

__all__ = ("Group", "group_of")


def group_of(request: Any, name: str) -> "Group":
    """Return a group of the application.

    A group exists as long as it has members or messages; it need not be created.

    Args:
        request: A request of the application; or its registry, outside of a request.
        name: The name of the group, 1 to 200 characters. Groups of other applications cannot be
            reached, whatever it contains.

    Raises:
        InvalidGroupName: The name is not a ``str``, or is empty or too long.
        ConfigurationError: The application does not include ``aiopyramid_groups``.
    """
    check_name(name)
    registry = getattr(request, "registry", request)
    hub = hub_of(registry)
    if hub is None:
        raise ConfigurationError("group_of() needs config.include('aiopyramid_groups')")
    environ = getattr(request, "environ", None)
    if environ is not None:
        hub.warn_if_alone(environ)
    return Group(hub, name)


class Group:
    """A named set of WebSockets and event streams, and the messages that all of them get.

    All members, on all workers and hosts, get the messages of a group in the same order.

    Attributes:
        name: The name of the group.
    """

    __slots__ = ("_hub", "name")

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self.name = name

    # --- Sending ------------------------------------------------------------------------------

    async def send(self, message: str | bytes) -> str:
        """Send a message to all members.

        Synchronous code waits with ``await_(group.send(message))``, or uses :meth:`send_now`.

        Args:
            message: ``str`` or ``bytes``; at most ``aiopyramid.groups.max_message`` bytes.

        Returns:
            The identifier of the message, from which a member can resume.

        Raises:
            InvalidMessage: The message has another type, or is too long.
            NotSent: The message was not sent.
            OutcomeUnknown: The message may or may not have been sent.
        """
        return await self._hub.publish(self.name, self._encode(message))

    async def send_json(self, value: Any) -> str:
        """Send a value as JSON, in a text message; see :meth:`send`."""
        return await self.send(to_json(value))

    def send_now(self, message: str | bytes) -> None:
        """Send a message without waiting for the result; a failure is logged.

        It may be called in any thread, and neither waits nor needs ``await_``.

        Args:
            message: ``str`` or ``bytes``.

        Raises:
            InvalidMessage: The message has another type, or is too long.
            EngineUnavailable: Too many messages wait to be sent.
        """
        self._hub.publish_soon(self.name, self._encode(message))

    # --- Members ------------------------------------------------------------------------------

    def join(
        self,
        ws: WebSocket,
        *,
        who: Any = None,
        after: str | None = None,
        limit: int = 100,
        slow: Slow = "close",
        on_resync: Callable[[], Awaitable[object]] | None = None,
        envelope: Envelope | None = None,
    ) -> contextlib.AbstractAsyncContextManager[WebSocketMember]:
        """Make a WebSocket a member while the block runs.

        Args:
            ws: The WebSocket. The handler receives from it, and may also send to it.
            who: A description for :meth:`members`, of anything that JSON can represent; None for a
                member that is not listed.
            after: The identifier of the last message that the client has seen. The messages after
                it are sent first.
            limit: The number of messages that may wait for the client.
            slow: The treatment of a client that does not keep up: ``"close"`` closes it with 1013,
                ``"drop"`` leaves the oldest messages out.
            on_resync: A coroutine function without arguments, called at the place in the order
                where messages may be missing. Later messages wait until it returns.
            envelope: Makes the message for the client from the identifier and the data, such as
                :func:`~aiopyramid_groups.json_envelope`. Called once for all members.

        Returns:
            A context manager for ``async with`` that returns the member: ``dropped`` is the number
            of messages left out, ``resyncs`` that of the places where messages may be missing, and
            ``is_recovered`` tells whether all messages since ``after`` were delivered.

        Raises:
            InvalidMessage: ``who`` is too large, or JSON cannot represent it.
            ValueError: ``limit`` or ``slow`` is invalid.
        """
        return _Membership(
            self,
            ws,
            who,
            after,
            limit=limit,
            slow=slow,
            on_resync=on_resync,
            envelope=envelope,
        )

    def events(
        self,
        request: Any,
        *,
        who: Any = None,
        limit: int = 100,
        slow: Slow = "close",
        event: str | None = None,
    ) -> GroupEvents:
        """Return the messages as server-sent events, for ``EventStreamResponse``.

        A client that reconnects gets the messages after its ``Last-Event-ID`` first. An event named
        ``resync`` marks a place where messages may be missing. Binary messages are encoded in
        base64.

        Args:
            request: The request, for its ``Last-Event-ID``.
            who: See :meth:`join`.
            limit: The number of messages that may wait for the client.
            slow: ``"close"`` ends the stream of a client that does not keep up, so that it connects
                again and resumes; ``"drop"`` leaves the oldest messages out.
            event: The type of the events; ``message`` by default.

        Raises:
            InvalidMessage: ``who`` is too large, or JSON cannot represent it.
            ValueError: ``limit``, ``slow`` or ``event`` is invalid.
        """
        _check_limits(limit, slow)
        description = self._describe(who)
        after = request.headers.get("Last-Event-ID") or None
        join = functools.partial(self._hub.join, self.name, after=after, who=description)
        history = self._hub.settings.history
        return GroupEvents(join, limit=limit, history=history, slow=slow, kind=event)

    async def members(self) -> list[Any]:
        """Return the ``who`` of all members that have one, on all workers and hosts.

        Raises:
            EngineUnavailable: Redis cannot be reached.
        """
        return [json.loads(who) for who in await self._hub.present(self.name)]

    async def history(self, after: str | None = None) -> tuple[list[GroupMessage], bool]:
        """Return the messages that are kept, the oldest first, and whether none is missing.

        Args:
            after: The identifier of the message before the first one; None for all that are kept.

        Raises:
            EngineUnavailable: Redis cannot be reached.
        """
        return await self._hub.history(self.name, after)

    # --- Private ------------------------------------------------------------------------------

    def _encode(self, message: object) -> bytes:
        return encode(message, self._hub.settings.max_message_bytes)

    def _describe(self, who: Any) -> str | None:
        if who is None:
            return None
        text = to_json(who)
        limit = self._hub.settings.max_who_bytes
        if len(text) > limit:  # it is ASCII
            raise InvalidMessage(
                f"who has {len(text)} bytes as JSON, but aiopyramid.groups.max_who is {limit}"
            )
        return text


class _Membership(contextlib.AbstractAsyncContextManager[WebSocketMember]):
    """The membership of a WebSocket while a block runs.

    Not a generator, which the event loop would register, and which takes more steps.
    """

    __slots__ = ("_after", "_group", "_leave", "_member", "_options", "_who", "_ws")

    _leave: Callable[[], None]
    _member: WebSocketMember

    def __init__(
        self, group: Group, ws: WebSocket, who: Any, after: str | None, **options: Any
    ) -> None:
        self._group = group
        self._ws = ws
        self._who = who
        self._after = after
        self._options = options

    async def __aenter__(self) -> WebSocketMember:
        if hasattr(self, "_member"):  # the first one would never end
            raise RuntimeError(
                f"this membership of {self._group.name!r} began before: call join() for each"
                " 'async with'"
            )
        group, options = self._group, self._options
        hub = group._hub
        _check_limits(options["limit"], options["slow"])
        description = group._describe(self._who)
        self._member = WebSocketMember(self._ws, hub.spawn, **options)
        self._leave = await hub.join(
            group.name, self._member, after=self._after or None, who=description
        )
        return self._member

    async def __aexit__(self, *error: object) -> None:
        self._member.leave()
        self._leave()


def _check_limits(limit: int, slow: str) -> None:
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    if slow not in ("close", "drop"):
        raise ValueError(f"slow must be 'close' or 'drop', not {slow!r}")
