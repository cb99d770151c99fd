"""All groups of one application on one worker."""

import functools
import itertools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiopyramid_core import AlreadyShutDown
from aiopyramid_core.lifespan import Lifespan

from ._channel import Channel, Member
from ._counters import counters
from ._message import GroupMessage, decode
from .engine import Engine, Entry
from .exceptions import EngineUnavailable, GroupsError, GroupsNotStarted
from .settings import GroupsSettings

__all__ = ("Hub", "hub_of", "install")

_log = logging.getLogger("aiopyramid_groups")

_MOST_WAITING: Final = 10_000
"""Messages that ``send_now`` may have accepted and the engine has not."""


class Hub:
    """All groups of one application on one worker: the sink of its engine.

    Args:
        engine: Carries the messages.
        settings: The settings of the application.
        lifespan: Starts tasks.

    Attributes:
        engine: The engine.
        settings: The settings.
    """

    def __init__(self, engine: Engine, settings: GroupsSettings, lifespan: Lifespan) -> None:
        self.engine = engine
        self.settings = settings
        self._lifespan = lifespan
        self._channels: dict[str, Channel] = {}
        self._numbers = itertools.count(1)
        self._waiting = 0
        self._is_running = False
        self._has_warned = False

    # --- The life of the worker ---------------------------------------------------------------

    async def start(self, _registry: Any) -> None:
        """Begin; a startup function."""
        self._channels.clear()  # those of the process that this one was forked from
        self._waiting = 0
        await self.engine.start(self)
        self._is_running = True

    async def stop(self, _registry: Any) -> None:
        """End; a shutdown function."""
        self._is_running = False
        for channel in self._channels.values():
            channel.close()
        await self.engine.stop()

    # --- Called by the engine -----------------------------------------------------------------

    def receive(self, group: str, id: str, previous: str, data: bytes) -> None:
        """Take a message."""
        channel = self._channels.get(group)
        if channel is not None:
            channel.receive(id, previous, data)

    def connected(self) -> None:
        """Fetch what was missed."""
        for channel in self._channels.values():
            channel.catch_up()

    # --- Called for groups --------------------------------------------------------------------

    async def join(
        self, group: str, member: Member, *, after: str | None, who: str | None
    ) -> Callable[[], None]:
        """Add a member to a group; return the function that removes it."""
        self._check_running()
        channel = self._channels.get(group)
        if channel is None:
            channel = self._channels[group] = Channel(group, self.engine, self.spawn)
            counters.groups += 1
            channel.catch_up()
        name = str(next(self._numbers))
        leave = functools.partial(self._leave, channel, member, name, who)
        try:
            await channel.join(member, after)
        except BaseException:
            leave()
            raise
        if who is not None:
            self.engine.set_present(group, name, who)
        return leave

    async def publish(self, group: str, data: bytes) -> str:
        """Send a message; return its identifier."""
        self._check_running()
        id = await self.engine.publish(group, data)
        counters.sent += 1
        return id

    def publish_soon(self, group: str, data: bytes) -> None:
        """Send a message without waiting; called in any thread.

        Raises:
            EngineUnavailable: Too many messages wait already.
        """
        self._check_running()
        if self._waiting >= _MOST_WAITING:
            raise EngineUnavailable(
                f"{_MOST_WAITING} messages of send_now() already wait to be sent: use"
                " 'await send()' where many are sent"
            )
        self._waiting += 1
        try:
            self._lifespan.spawn(self._publish_waiting(group, data), name=f"sending to {group!r}")
        except AlreadyShutDown:
            raise GroupsNotStarted from None

    async def history(self, group: str, after: str | None) -> tuple[list[GroupMessage], bool]:
        """Return the messages after an identifier, and whether these are all."""
        self._check_running()
        history = await self.engine.history(group, after)
        return [decode(Entry(each.id, each.data)) for each in history.entries], history.is_complete

    async def present(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group."""
        self._check_running()
        return await self.engine.present(group)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Start a task that ends with the worker's clients."""
        try:
            self._lifespan.spawn(coroutine, name=name, serves_client=True)
        except AlreadyShutDown:
            _log.debug("%s is not started: the application has shut down", name)

    def warn_if_alone(self, environ: dict[str, Any]) -> None:
        """Log a warning, once, if there are workers that messages do not reach."""
        if self._has_warned or self.engine.is_shared or not environ.get("wsgi.multiprocess"):
            return
        self._has_warned = True
        _log.warning(
            "There may be several workers, and the groups of each are its own: a message reaches"
            " only the members on the worker that sends it. Install aiopyramid-groups[redis] and"
            " set aiopyramid.groups.url = redis://localhost:6379/0; or, for an ASGI server with"
            " one worker, set aiopyramid.asgi.multiprocess = false"
        )

    # --- Private ------------------------------------------------------------------------------

    def _leave(self, channel: Channel, member: Member, name: str, who: str | None) -> None:
        channel.leave(member)
        if who is not None:
            self.engine.set_present(channel.name, name, None)
        if not channel.members and self._channels.get(channel.name) is channel:
            del self._channels[channel.name]
            counters.groups -= 1
            channel.close()
            self.engine.unsubscribe(channel.name)

    async def _publish_waiting(self, group: str, data: bytes) -> None:
        try:
            await self.publish(group, data)
        except GroupsError as error:
            _log.error("%s", error)
        finally:
            self._waiting -= 1

    def _check_running(self) -> None:
        if not self._is_running:
            raise GroupsNotStarted


_REGISTRY_KEY: Final = "aiopyramid.groups.hub"


def install(registry: Any, hub: Hub) -> None:
    """Set the hub of an application."""
    registry[_REGISTRY_KEY] = hub


def hub_of(registry: Any) -> Hub | None:
    """Return the hub of an application, or None if it does not include the package."""
    hub: Hub | None = registry.get(_REGISTRY_KEY)
    return hub
