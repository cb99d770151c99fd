"""The engine for any number of workers: Redis, by two connections from each worker.

A script appends each message to a trimmed stream, which is the history, and publishes it together
with its identifier and the one before it. Each worker is subscribed to the channels of the groups
that have members there.
"""

import asyncio
import secrets

from redis.exceptions import OutOfMemoryError, ResponseError

from ._redis.address import read_url
from ._redis.failures import answer_of
from ._redis.keys import GroupKeys, group_keys
from ._redis.link import ConnectionLost, Redirected
from ._redis.node import Node
from ._redis.presence import Presence
from ._redis.scripts import APPEND, POSITION
from ._redis.servers import AGAIN_SECONDS, servers_at
from .engine import Entry, History, Sink
from .exceptions import EngineUnavailable, NotSent, OutcomeUnknown
from .settings import GroupsSettings

__all__ = ("RedisEngine",)


class RedisEngine:
    """Carries messages between workers and hosts.

    Args:
        settings: The settings of the application.
    """

    is_shared = True

    def __init__(self, settings: GroupsSettings) -> None:
        self._settings = settings
        self._address = read_url(settings.url)
        self._servers = servers_at(self._address, settings.prefix, settings.heartbeat_seconds, self)
        self._presence = Presence(
            self._servers, self._keys, settings.prefix, settings.history_seconds
        )
        self._sink: Sink | None = None
        self._groups: dict[bytes, tuple[str, Node]] = {}  # those with members here, by channel
        self._keeper: asyncio.Task[None] | None = None

    # --- The life of the worker ---------------------------------------------------------------

    async def start(self, sink: Sink) -> None:
        """Begin, and wait a moment for the connection; without one, continue to try.

        Raises:
            EngineRefused: Redis refuses this application.
        """
        self._sink = sink
        self._groups.clear()
        worker = secrets.token_hex(8)
        self._presence.start(worker)
        await self._servers.start(worker)
        self._keeper = asyncio.create_task(self._keep(), name="keeping groups on Redis")

    async def stop(self) -> None:
        """Remove the members of this worker, and close the connections."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        self._presence.withdraw()
        await self._servers.stop()

    # --- Messages -----------------------------------------------------------------------------

    async def publish(self, group: str, data: bytes) -> str:
        """Append a message to a group and deliver it; return its identifier.

        Raises:
            NotSent: The message was not appended, and will not be.
            OutcomeUnknown: The message may have been appended.
        """
        seconds = self._settings.send_timeout_seconds
        stream = self._keys(group).stream
        is_written = False
        try:
            async with asyncio.timeout(seconds):
                while True:
                    node = self._servers.find(stream)
                    if node is None or not node.is_connected:
                        node = await self._servers.ready(stream)
                    is_written = True
                    try:
                        return await self._append(node, group, data)
                    except (EngineUnavailable, Redirected):
                        is_written = False
                        await asyncio.sleep(AGAIN_SECONDS)
        except TimeoutError:
            if not is_written:
                raise NotSent(group, f"Redis was not reached within {seconds:g} seconds") from None
            reason = f"Redis has not answered within {seconds:g} seconds"
            raise OutcomeUnknown(group, reason) from None
        except ConnectionLost:
            reason = "the connection to Redis was lost before it answered"
            raise OutcomeUnknown(group, reason) from None
        except ResponseError as error:
            raise NotSent(group, f"Redis refused it: {error}") from error

    async def history(self, group: str, after: str | None) -> History:
        """Return the messages of a group after an identifier or position; None for all."""
        stream = self._keys(group).stream
        reply = await self._servers.ask(
            stream, "XRANGE", stream, "-" if after is None else after, "+"
        )
        entries: list[Entry] = []
        is_complete = after is None or bool(reply and reply[0][0].decode() == after)
        for id, fields in reply:
            identifier = id.decode()
            if identifier == after:
                continue
            if fields[0] == b"d":
                entries.append(Entry(identifier, fields[1]))
            else:
                is_complete = after is None
        end = reply[-1][0].decode() if reply else after or "0-0"
        most = self._settings.history
        if len(entries) > most:
            return History(entries[-most:], after is None, end)
        return History(entries, is_complete, end)

    # --- Subscriptions ------------------------------------------------------------------------

    async def subscribe(self, group: str) -> str:
        """Deliver the messages of a group from now on; return the position of its end."""
        keys = self._keys(group)
        node = self._servers.find(keys.stream)
        if node is None:
            raise EngineUnavailable("the servers of the Redis cluster are not known")
        channel = keys.channel.encode()
        _, before = self._groups.get(channel, (group, node))
        if before is not node:
            before.unsubscribe(channel)
        self._groups[channel] = group, node
        await node.subscribe(channel)
        try:
            return await self._position(node, keys)
        except EngineUnavailable as error:
            if not isinstance(error.__cause__, OutOfMemoryError):
                raise
            # Redis is full. Without the mark, the next message looks like one after a gap.
            reply = await self._servers.ask(
                keys.stream, "XREVRANGE", keys.stream, "+", "-", "COUNT", 1
            )
            return reply[0][0].decode() if reply else "0-0"

    def unsubscribe(self, group: str) -> None:
        """Deliver no more messages of a group."""
        channel = self._keys(group).channel.encode()
        _, node = self._groups.pop(channel, (group, None))
        if node is not None:
            node.unsubscribe(channel)

    # --- Presence -----------------------------------------------------------------------------

    def set_present(self, group: str, member: str, who: str | None) -> None:
        """Make a member visible to all workers, or invisible if ``who`` is None."""
        self._presence.set(group, member, who)

    async def present(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group, of all workers that are alive."""
        return await self._presence.of(group)

    # --- Called by the servers ----------------------------------------------------------------

    def receive(self, channel: bytes, data: bytes) -> None:
        """Take a message."""
        group = self._groups.get(channel)
        if group is not None and self._sink is not None:
            id, previous, message = data.split(b" ", 2)
            self._sink.receive(group[0], id.decode(), previous.decode(), message)

    def connected(self) -> None:
        """Learn that a server has been reached or has lost its data, or that keys have moved."""
        self._presence.announce()
        if self._sink is not None:
            self._sink.connected()

    # --- Private ------------------------------------------------------------------------------

    def _keys(self, group: str) -> GroupKeys:
        return group_keys(self._settings.prefix, group, self._address.database)

    async def _append(self, node: Node, group: str, data: bytes) -> str:
        keys, settings = self._keys(group), self._settings
        id: bytes = await node.evaluate(
            APPEND,
            (keys.stream, keys.run),
            (
                *(data, settings.history, settings.history_seconds, keys.channel),
                *(node.run_id, self._address.kind.channels.publish),
            ),
        )
        return id.decode()

    async def _position(self, node: Node, keys: GroupKeys) -> str:
        arguments = (node.run_id, self._settings.history_seconds)
        reply: bytes = await answer_of(node.evaluate(POSITION, (keys.stream, keys.run), arguments))
        return reply.decode()

    async def _keep(self) -> None:
        """Keep the history of groups with members, and the lists of members, from expiring."""
        kept = self._settings.history_seconds
        while True:
            await asyncio.sleep(kept / 3)
            for group, node in self._groups.values():
                keys = self._keys(group)
                for key in (keys.stream, keys.run, keys.present):
                    node.forget("EXPIRE", key, kept)
