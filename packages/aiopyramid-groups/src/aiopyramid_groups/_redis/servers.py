"""The servers on which the groups are: one, or the masters of a cluster."""

import asyncio
import contextlib
import functools
import itertools
import logging
import random
from collections.abc import Iterable
from typing import Any, Final, Protocol

from ..exceptions import EngineUnavailable
from .address import CONNECT_SECONDS, Address, Kind, ServerName
from .failures import LOST, answer_of, refusal_of
from .keys import worker_key
from .link import CommandLink, Redirected
from .node import Node
from .slots import SlotMap

__all__ = ("AGAIN_SECONDS", "Servers", "ServersObserver", "servers_at")

_log = logging.getLogger("aiopyramid_groups")

AGAIN_SECONDS: Final = 0.02
"""How long to wait before a command is sent again that was certainly not executed."""

_REFRESH_SECONDS: Final = 0.25
"""How often to ask for the masters of a cluster while one of them cannot be reached."""


class ServersObserver(Protocol):
    """Learns what happens; called on the event loop."""

    def receive(self, channel: bytes, data: bytes) -> None:
        """Take a message."""

    def connected(self) -> None:
        """Learn that a server has been reached or has lost its data, or that keys have moved."""


class Servers:
    """The servers on which the groups are.

    Args:
        address: Where they are.
        prefix: The prefix of the application's keys.
        heartbeat_seconds: The time between two heartbeats.
        observer: Learns what happens.
    """

    def __init__(
        self, address: Address, prefix: str, heartbeat_seconds: float, observer: ServersObserver
    ) -> None:
        self._address = address
        self._prefix = prefix
        self._heartbeat_seconds = heartbeat_seconds
        self._observer = observer
        self._worker = ""
        self._nodes: dict[ServerName | None, Node] = {}
        self._news = asyncio.Event()

    async def start(self, worker: str) -> None:
        """Begin, and wait a moment for the connections; without them, continue to try.

        Args:
            worker: The identifier of this worker.

        Raises:
            EngineRefused: A server refuses this application.
        """
        self._worker = worker
        self._nodes.clear()  # those of the process that this one was forked from
        self._news = asyncio.Event()
        self._begin()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                while not self._is_complete():
                    await self._news.wait()
        refusals = (refusal_of(error, name) for name, error in self._errors())
        refusal = next(filter(None, refusals), None)
        if refusal is not None:
            await self.stop()
            raise refusal

    async def stop(self) -> None:
        """Close all connections, after the commands that wait to be sent."""
        nodes = self._nodes.values()
        await asyncio.gather(*(node.drain() for node in nodes))
        await asyncio.gather(*(node.stop() for node in nodes))
        self._nodes.clear()

    def find(self, key: str) -> Node | None:
        """Return the server that has a key, or None if that is not known."""
        return self._nodes.get(None)

    async def ready(self, key: str) -> Node:
        """Wait until the server that has a key can be reached."""
        while (node := self.find(key)) is None or not node.is_connected:
            await self._news.wait()
        return node

    async def ask(self, key: str, *command: str | bytes | int) -> Any:
        """Return the answer of the server that has a key to a command that may be repeated.

        Raises:
            EngineUnavailable: There is none.
        """
        return await answer_of(self._ask(key, *command))

    async def _ask(self, key: str, *command: str | bytes | int) -> Any:
        while True:
            node = self.find(key)
            if node is None:
                raise EngineUnavailable("the servers of the Redis cluster are not known")
            try:
                return await node.execute(*command)
            except Redirected:
                await asyncio.sleep(AGAIN_SECONDS)

    # --- Called by nodes ----------------------------------------------------------------------

    def receive(self, channel: bytes, data: bytes) -> None:
        """Take a message."""
        self._observer.receive(channel, data)

    def connected(self) -> None:
        """Learn that a server has been reached, or has lost its data."""
        self._notify()
        self._observer.connected()

    def disturbed(self) -> None:
        """Learn that a connection is lost, or that a cluster has redirected a command."""
        self._notify()

    # --- For the two kinds --------------------------------------------------------------------

    def _begin(self) -> None:
        self._add(None)

    def _is_complete(self) -> bool:
        """Whether there is nothing more to wait for at the start."""
        return bool(self._nodes) and all(
            node.is_connected or node.error is not None for node in self._nodes.values()
        )

    def _errors(self) -> Iterable[tuple[str, BaseException]]:
        return [(n.name, n.error) for n in self._nodes.values() if n.error is not None]

    def _add(self, server: ServerName | None) -> None:
        self._nodes[server] = node = Node(
            "Redis" if server is None else f"Redis at {server[0]}:{server[1]}",
            functools.partial(self._address.connect, server),
            self._address.kind.channels,
            self._heartbeat_seconds,
            functools.partial(self._beat_key, server),
            self,
        )
        node.start()

    def _beat_key(self, server: ServerName | None) -> str:
        return worker_key(self._prefix, self._worker)

    def _notify(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class _Cluster(Servers):
    """The masters of a cluster, each of which has some of the groups."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._map: SlotMap | None = None
        self._error: BaseException | None = None
        self._is_stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """Close all connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await super().stop()

    def find(self, key: str) -> Node | None:
        """Return the server that has a key, or None if that is not known."""
        server = self._map and self._map.server_of(key)
        return self._nodes.get(server) if server else None

    def disturbed(self) -> None:
        """Learn that a connection is lost, or that a cluster has redirected a command."""
        self._is_stale.set()
        super().disturbed()

    def _begin(self) -> None:
        self._map = self._error = None
        self._is_stale = asyncio.Event()
        self._task = asyncio.create_task(self._follow(), name="groups on a Redis cluster")

    def _is_complete(self) -> bool:
        return self._error is not None or super()._is_complete()

    def _errors(self) -> Iterable[tuple[str, BaseException]]:
        own = [] if self._error is None else [("the Redis cluster", self._error)]
        return [*own, *super()._errors()]

    def _beat_key(self, server: ServerName | None) -> str:
        keys = (worker_key(self._prefix, self._worker, number) for number in itertools.count())
        if self._map is None or server not in self._map.servers:
            return next(keys)  # this server is about to be left
        return next(key for key in keys if self._map.server_of(key) == server)

    async def _follow(self) -> None:
        """Know the masters, whatever happens."""
        while True:
            self._is_stale.clear()
            try:
                slots = await self._ask_for_slots()
            except LOST as error:
                if self._error is None:
                    _log.warning("%s", refusal_of(error, "the cluster") or error)
                self._error = error
                self._notify()
            else:
                self._error = None
                await self._apply(slots)
            if self._error is None and all(node.is_connected for node in self._nodes.values()):
                await self._is_stale.wait()
            # One worker of many, and one of many commands that are redirected at the same time.
            await asyncio.sleep(_REFRESH_SECONDS * random.uniform(0.1, 1))

    async def _ask_for_slots(self) -> SlotMap:
        last: BaseException = EngineUnavailable("no server of the cluster can be reached")
        for server, node in random.sample([*self._nodes.items()], len(self._nodes)):
            if node.is_connected and server is not None:
                with contextlib.suppress(EngineUnavailable):
                    return SlotMap(await answer_of(node.execute("CLUSTER", "SLOTS")), server)
        others = self._map.servers if self._map is not None else ()
        for server in dict.fromkeys((*self._address.hosts, *others)):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    link = CommandLink(await self._address.connect(server))
                    try:
                        return SlotMap(await link.ask("CLUSTER", "SLOTS"), server)
                    finally:
                        await link.close()
            except LOST as error:
                last = error
        raise last

    async def _apply(self, slots: SlotMap) -> None:
        if slots == self._map:
            return
        self._map = slots
        for server in set(self._nodes) - slots.servers:
            node = self._nodes.pop(server)
            await node.stop()
        for server in slots.servers - set(self._nodes):
            self._add(server)
        self._notify()
        self._observer.connected()


def servers_at(
    address: Address, prefix: str, heartbeat_seconds: float, observer: ServersObserver
) -> Servers:
    """Return the servers at an address."""
    kind = _Cluster if address.kind is Kind.CLUSTER else Servers
    return kind(address, prefix, heartbeat_seconds, observer)
