"""The engine for any number of workers: Redis, by two connections from each worker.

A script appends each message to a trimmed stream, which is the history, and publishes it together
with its identifier and the one before it. One connection is subscribed to the channels of the
groups that have members on this worker, the other sends commands. If either is lost, or does not
answer a heartbeat, both are opened anew.
"""

import asyncio
import contextlib
import logging
import random
import secrets
from typing import Any, Final

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError

from ._redis.address import CONNECT_SECONDS, read_url
from ._redis.keys import GroupKeys, group_keys, worker_key
from ._redis.link import CommandLink, ConnectionLost, Link
from ._redis.scripts import APPEND, POSITION, Script
from .engine import Entry, History, Sink
from .exceptions import EngineUnavailable, NotSent, OutcomeUnknown
from .settings import GroupsSettings

__all__ = ("RedisEngine",)

_log = logging.getLogger("aiopyramid_groups")

_FIRST_PAUSE_SECONDS: Final = 0.05
_LAST_PAUSE_SECONDS: Final = 0.5
"""The longest pause between attempts to connect, so that the first message after an outage is not
late. An attempt is cheap, and there is one at a time in each worker."""

_ANSWER_SECONDS: Final = 3.0
"""How long to wait for the answer to a heartbeat or a question."""

_LOST: Final = (RedisError, OSError, EOFError, TimeoutError, ConnectionLost, EngineUnavailable)


class RedisEngine:
    """Carries messages between workers and hosts.

    Args:
        settings: The settings of the application.
    """

    is_shared = True

    def __init__(self, settings: GroupsSettings) -> None:
        self._settings = settings
        self._address = read_url(settings.url)
        self._sink: Sink | None = None
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._commands: CommandLink | None = None
        self._subscriber: Link | None = None
        self._groups: dict[bytes, str] = {}  # the groups with members here, by channel
        self._confirmed: set[bytes] = set()
        self._confirmations: dict[bytes, list[asyncio.Future[None]]] = {}
        self._pong: asyncio.Future[None] | None = None
        self._present: dict[tuple[str, str], str] = {}
        self._run_id = b""
        self._worker = ""
        self._refresh_at = 0.0

    # --- The life of the worker ---------------------------------------------------------------

    async def start(self, sink: Sink) -> None:
        """Begin, and wait a moment for the connection; without one, continue to try."""
        self._sink = sink
        self._worker = secrets.token_hex(8)
        self._connected = asyncio.Event()
        self._commands = self._subscriber = None
        self._groups.clear()
        self._present.clear()
        self._task = asyncio.create_task(self._stay_connected(), name="groups on Redis")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()

    async def stop(self) -> None:
        """Remove the members of this worker, and close the connections."""
        if self._commands is not None:
            self._commands.forget("DEL", worker_key(self._settings.prefix, self._worker))
            last = [
                self._commands.execute("HDEL", self._keys(group).present, self._field(member))
                for group, member in self._present
            ]
            if last:
                await asyncio.wait(last, timeout=_ANSWER_SECONDS)
                for future in last:
                    if future.done() and not future.cancelled():
                        future.exception()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    # --- Messages -----------------------------------------------------------------------------

    async def publish(self, group: str, data: bytes) -> str:
        """Append a message to a group and deliver it; return its identifier.

        Raises:
            NotSent: The message was not appended, and will not be.
            OutcomeUnknown: The message may have been appended.
        """
        keys, settings = self._keys(group), self._settings
        seconds = settings.send_timeout_seconds
        is_written = False
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._connected.wait()
                    is_written = True
                    try:
                        id: bytes = await self._evaluate(
                            APPEND,
                            (keys.stream, keys.run),
                            (
                                data,
                                settings.history,
                                settings.history_seconds,
                                keys.channel,
                                self._run_id,
                            ),
                        )
                        return id.decode()
                    except EngineUnavailable:
                        is_written = False
                        await asyncio.sleep(0)
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
        reply = await self._ask("XRANGE", stream, "-" if after is None else after, "+")
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
        channel = keys.channel.encode()
        self._groups[channel] = group
        if self._subscriber is None:
            raise EngineUnavailable("Redis cannot be reached")
        if channel not in self._confirmed:
            future = asyncio.get_running_loop().create_future()
            self._confirmations.setdefault(channel, []).append(future)
            self._subscriber.write("SUBSCRIBE", channel)
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await future
            except TimeoutError:
                raise EngineUnavailable("Redis has not confirmed a subscription") from None
        try:
            return await self._position(keys)
        except EngineUnavailable as error:
            if not isinstance(error.__cause__, OutOfMemoryError):
                raise
            # Redis is full. Without the mark, the next message looks like one after a gap.
            reply = await self._ask("XREVRANGE", keys.stream, "+", "-", "COUNT", 1)
            return reply[0][0].decode() if reply else "0-0"

    def unsubscribe(self, group: str) -> None:
        """Deliver no more messages of a group."""
        channel = self._keys(group).channel.encode()
        if self._groups.pop(channel, None) is not None and self._subscriber is not None:
            self._confirmed.discard(channel)
            self._subscriber.write("UNSUBSCRIBE", channel)

    # --- Presence -----------------------------------------------------------------------------

    def set_present(self, group: str, member: str, who: str | None) -> None:
        """Make a member visible to all workers, or invisible if ``who`` is None."""
        if who is not None:
            self._present[group, member] = who
        else:
            self._present.pop((group, member), None)
        if self._commands is not None:
            self._announce(self._commands, group, member, who)

    async def present(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group, of all workers that are alive."""
        key = self._keys(group).present
        reply = await self._ask("HGETALL", key)
        members = dict(zip(reply[::2], reply[1::2], strict=True))
        if not members:
            return []
        workers = sorted({field.partition(b":")[0] for field in members})
        prefix = self._settings.prefix
        beats = await self._ask("MGET", *(worker_key(prefix, each.decode()) for each in workers))
        alive = {worker for worker, beat in zip(workers, beats, strict=True) if beat is not None}
        gone = [field for field in members if field.partition(b":")[0] not in alive]
        if gone and self._commands is not None:
            self._commands.forget("HDEL", key, *gone)
            for field in gone:
                del members[field]
        return [who.decode() for who in members.values()]

    # --- Connections --------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        has_failed = False
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    async with asyncio.timeout(CONNECT_SECONDS + _ANSWER_SECONDS):
                        links = await self._connect(stack)
                    if has_failed:
                        _log.warning("Redis has been reached again")
                    pause, has_failed = _FIRST_PAUSE_SECONDS, False
                    await self._serve(*links)
            except* _LOST as group:
                if not has_failed:
                    _log.warning("Redis is away: %s", group.exceptions[0])
                has_failed = True
            except* Exception:
                # An error of any kind must not make this worker deaf.
                _log.exception("The connection to Redis has failed, and is opened again")
                has_failed = True
            finally:
                self._disconnected()
            # Not all workers at the same time.
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, _LAST_PAUSE_SECONDS)

    async def _connect(self, stack: contextlib.AsyncExitStack) -> tuple[CommandLink, Link]:
        commands = CommandLink(await self._address.connect())
        stack.push_async_callback(commands.close)
        subscriber = Link(await self._address.connect())
        stack.push_async_callback(subscriber.close)
        await commands.connection.send_command("INFO", check_health=False)
        info = dict(
            line.split(b":", 1) for line in (await commands.read()).splitlines() if b":" in line
        )
        if info.get(b"role") != b"master":
            raise EngineUnavailable("this Redis is a replica, which accepts no messages")
        self._run_id = info[b"run_id"]
        return commands, subscriber

    async def _serve(self, commands: CommandLink, subscriber: Link) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(commands.write_all())
                group.create_task(commands.read_all())
                group.create_task(subscriber.write_all())
                self._commands, self._subscriber = commands, subscriber
                group.create_task(self._listen(subscriber))
                group.create_task(self._beat(commands, subscriber))
                if self._groups:
                    subscriber.write("SUBSCRIBE", *self._groups)
                self._announce_all(commands)
                self._connected.set()
                assert self._sink is not None
                self._sink.connected()
        finally:
            commands.lose()

    def _disconnected(self) -> None:
        self._connected.clear()
        self._commands = self._subscriber = None
        self._confirmed.clear()
        for futures in self._confirmations.values():
            for future in futures:
                if not future.done():
                    future.set_exception(EngineUnavailable("the connection to Redis is lost"))
        self._confirmations.clear()

    async def _listen(self, subscriber: Link) -> None:
        assert self._sink is not None
        receive, groups = self._sink.receive, self._groups
        while True:
            reply = await subscriber.read()
            if reply == b"PONG":  # the answer of a connection without subscriptions
                reply = [b"pong", b""]
            kind, channel = reply[0], reply[1]
            if kind == b"message":
                group = groups.get(channel)
                if group is not None:
                    id, previous, data = reply[2].split(b" ", 2)
                    receive(group, id.decode(), previous.decode(), data)
            elif kind == b"subscribe":
                self._confirm(channel)
            elif kind == b"pong" and self._pong is not None and not self._pong.done():
                self._pong.set_result(None)

    def _confirm(self, channel: bytes) -> None:
        if channel in self._groups:
            self._confirmed.add(channel)
        for future in self._confirmations.pop(channel, ()):
            if not future.done():
                future.set_result(None)

    async def _beat(self, commands: CommandLink, subscriber: Link) -> None:
        """Show that this worker is alive, and see whether both connections are."""
        seconds = self._settings.heartbeat_seconds
        loop = asyncio.get_running_loop()
        key = worker_key(self._settings.prefix, self._worker)
        milliseconds = int(seconds * 3000)
        is_first = True
        while True:
            self._pong = loop.create_future()
            subscriber.write("PING")
            beat = commands.execute("SET", key, "1", "PX", milliseconds, "GET")
            self._refresh(commands, loop.time())
            await _answers(beat, self._pong)
            with contextlib.suppress(ResponseError):  # such as "out of memory"
                if beat.result() is None and not is_first:
                    _log.warning("Redis has lost its data")
                    self._announce_all(commands)
                    assert self._sink is not None
                    self._sink.connected()
            is_first = False
            await asyncio.sleep(seconds)

    def _refresh(self, commands: CommandLink, now: float) -> None:
        """Keep the history of groups with members, and the list of members, from expiring."""
        if now < self._refresh_at:
            return
        kept = self._settings.history_seconds
        self._refresh_at = now + kept / 3
        for group in self._groups.values():
            keys = self._keys(group)
            for key in (keys.stream, keys.run, keys.present):
                commands.forget("EXPIRE", key, kept)

    # --- Private ------------------------------------------------------------------------------

    def _keys(self, group: str) -> GroupKeys:
        return group_keys(self._settings.prefix, group, self._address.database)

    def _field(self, member: str) -> str:
        return f"{self._worker}:{member}"

    def _announce_all(self, commands: CommandLink) -> None:
        for (group, member), who in self._present.items():
            self._announce(commands, group, member, who)

    def _announce(self, commands: CommandLink, group: str, member: str, who: str | None) -> None:
        key = self._keys(group).present
        if who is None:
            commands.forget("HDEL", key, self._field(member))
        else:
            commands.forget("HSET", key, self._field(member), who)
            commands.forget("EXPIRE", key, self._settings.history_seconds)

    async def _position(self, keys: GroupKeys) -> str:
        arguments = (self._run_id, self._settings.history_seconds)
        reply: bytes = await self._answer(
            self._evaluate(POSITION, (keys.stream, keys.run), arguments)
        )
        return reply.decode()

    async def _ask(self, *command: str | bytes | int) -> Any:
        commands = self._commands
        if commands is None:
            raise EngineUnavailable("Redis cannot be reached")
        return await self._answer(commands.execute(*command))

    async def _answer(self, awaitable: Any) -> Any:
        """Wait for an answer that does not change anything.

        Raises:
            EngineUnavailable: There is none.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await awaitable
        except (TimeoutError, ConnectionLost):
            raise EngineUnavailable("Redis has not answered") from None
        except ResponseError as error:
            _log.error("Redis has refused a command: %s", error)
            raise EngineUnavailable(f"Redis has refused a command: {error}") from error

    async def _evaluate(
        self, script: Script, keys: tuple[str, ...], arguments: tuple[str | bytes | int, ...]
    ) -> Any:
        commands = self._commands
        if commands is None:
            raise EngineUnavailable("Redis cannot be reached")
        try:
            return await commands.execute("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Redis was started again, or its scripts were flushed: it has not run.
            return await commands.execute("EVAL", script.text, len(keys), *keys, *arguments)


async def _answers(*futures: asyncio.Future[Any]) -> None:
    """Wait for the answers to a heartbeat.

    Raises:
        EngineUnavailable: One did not arrive in time.
    """
    _, late = await asyncio.wait(futures, timeout=_ANSWER_SECONDS)
    if late:
        # The loop of this worker may have been blocked: then the answers are there, but not read.
        _, late = await asyncio.wait(late, timeout=_ANSWER_SECONDS / 10)
    if late:
        raise EngineUnavailable("Redis does not answer heartbeats")
