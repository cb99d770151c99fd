"""One Redis server, to which a worker has two connections, opened again whenever one is lost.

One of them is subscribed to channels, the other sends commands. If either is lost, or does not
answer a heartbeat, both are opened anew.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from .._futures import shared_result
from ..exceptions import EngineRefused, EngineUnavailable
from .address import CONNECT_SECONDS
from .channels import SHARDED, ChannelKind
from .failures import ANSWER_SECONDS, LOST, answer_of, answers_in_time, refusal_of
from .link import CommandLink, retrieve
from .scripts import Script
from .subscription import SubscribedLink

__all__ = ("Node", "NodeObserver")

_log = logging.getLogger("aiopyramid_groups")

_FIRST_PAUSE_SECONDS: Final = 0.05
_LAST_PAUSE_SECONDS: Final = 0.5
"""The longest pause between attempts to connect, so that the first message after an outage is not
late. An attempt is cheap, and there is one at a time in each worker."""


class NodeObserver(Protocol):
    """Learns what happens at a server; called on the event loop."""

    def receive(self, channel: bytes, data: bytes) -> None:
        """Take a message."""

    def connected(self) -> None:
        """Learn that the server has been reached, or has lost its data."""

    def disturbed(self) -> None:
        """Learn that a connection is lost, or that a cluster has redirected a command."""


class Node:
    """One Redis server.

    Args:
        name: Its name in the log.
        connect: Opens a connection.
        kind: The kind of channels that it has.
        heartbeat_seconds: The time between two heartbeats.
        beat_key: Returns the key that exists while this worker is alive.
        observer: Learns what happens.

    Attributes:
        name: Its name in the log.
        run_id: Identifies the run of the server, from its start to its end.
        error: Why it could not be reached, since it was reached last.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[AbstractConnection]],
        kind: ChannelKind,
        heartbeat_seconds: float,
        beat_key: Callable[[], str],
        observer: NodeObserver,
    ) -> None:
        self.name = name
        self._connect = connect
        self._kind = kind
        self._heartbeat_seconds = heartbeat_seconds
        self._key_seconds = 3 * heartbeat_seconds
        self._beat_key = beat_key
        self._observer = observer
        self._commands: CommandLink | None = None
        self._subscriber: SubscribedLink | None = None
        self._channels: set[bytes] = set()
        self._task: asyncio.Task[None] | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self.run_id = b""
        self.error: BaseException | None = None

    def start(self) -> None:
        """Connect, and stay connected."""
        self._task = asyncio.create_task(self._stay_connected(), name=f"groups on {self.name}")

    async def drain(self) -> None:
        """Wait until Redis has executed all commands so far, or cannot be reached."""
        with contextlib.suppress(EngineUnavailable):
            await answer_of(self.execute("PING"))

    async def stop(self) -> None:
        """Close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    # --- Commands -----------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether commands can be sent."""
        return self._commands is not None

    async def evaluate(
        self, script: Script, keys: tuple[str, ...], arguments: tuple[str | bytes | int, ...]
    ) -> Any:
        """Run a script.

        Raises:
            ResponseError: Redis refuses it.
            ConnectionLost: It may or may not have run.
            EngineUnavailable: It has not run.
        """
        commands = self._connected()
        try:
            return await commands.execute("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            # Redis was started again, or its scripts were flushed: it has not run.
            return await commands.execute("EVAL", script.text, len(keys), *keys, *arguments)

    def execute(self, *command: str | bytes | int) -> asyncio.Future[Any]:
        """Send a command; return the future of its response.

        Raises:
            EngineUnavailable: The server cannot be reached.
        """
        return self._connected().execute(*command)

    def forget(self, *command: str | bytes | int) -> None:
        """Send a command if the server is connected; nobody waits for its response."""
        if self._commands is not None:
            self._commands.forget(*command)

    # --- Channels -----------------------------------------------------------------------------

    async def subscribe(self, channel: bytes) -> None:
        """Subscribe to a channel, now and after a lost connection.

        Raises:
            EngineUnavailable: It was not confirmed yet.
        """
        self._channels.add(channel)
        if self._subscriber is None:
            raise EngineUnavailable("Redis cannot be reached")
        await answer_of(shared_result(self._subscriber.subscribe(channel)))

    def unsubscribe(self, channel: bytes) -> None:
        """Unsubscribe from a channel."""
        self._channels.discard(channel)
        if self._subscriber is not None:
            self._subscriber.unsubscribe(channel)

    # --- Connections --------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    async with asyncio.timeout(CONNECT_SECONDS + ANSWER_SECONDS):
                        links = await self._open(stack)
                    await self._serve(*links)
            except* LOST as group:
                self._report(group.exceptions[0])
            except* Exception as group:
                # An error of any kind must not make this worker deaf.
                _log.exception("The connection to %s has failed, and is opened again", self.name)
                self.error = group.exceptions[0]
            finally:
                self._observer.disturbed()
            # Not all workers at the same time.
            await asyncio.sleep(self._pause * random.uniform(0.5, 1))
            self._pause = min(self._pause * 2, _LAST_PAUSE_SECONDS)

    def _report(self, error: BaseException) -> None:
        if self.error is None:
            refusal = refusal_of(error, self.name)
            if refusal is None:
                _log.warning("Redis is away: %s", error)
            else:
                _log.error("%s", refusal)
        self.error = error

    async def _open(self, stack: contextlib.AsyncExitStack) -> tuple[CommandLink, SubscribedLink]:
        disturbed = self._observer.disturbed
        commands = CommandLink(await self._connect(), disturbed)
        stack.push_async_callback(commands.close)
        subscriber = SubscribedLink(await self._connect(), self._kind, disturbed)
        stack.push_async_callback(subscriber.close)
        lines = (await commands.ask("INFO")).splitlines()
        info = dict(line.split(b":", 1) for line in lines if b":" in line)
        if info.get(b"redis_mode") == b"cluster" and self._kind is not SHARDED:
            raise EngineRefused(
                f"{self.name} is a server of a cluster: set aiopyramid.groups.url ="
                " redis+cluster://host:port,host:port"
            )
        if info.get(b"role") != b"master":
            raise EngineUnavailable(f"{self.name} is a replica, which accepts no messages")
        self.run_id = info[b"run_id"]
        try:
            await commands.ask(*self._beat_command())
        except NoPermissionError:
            raise
        except ResponseError:
            pass  # such as "out of memory": messages may still arrive
        return commands, subscriber

    async def _serve(self, commands: CommandLink, subscriber: SubscribedLink) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(commands.write_all())
                group.create_task(commands.read_all())
                group.create_task(subscriber.write_all())
                group.create_task(subscriber.listen(self._observer.receive))
                group.create_task(self._beat(commands, subscriber))
                self._commands, self._subscriber = commands, subscriber
                for channel in self._channels:
                    subscriber.subscribe(channel)
                self._observer.connected()
        finally:
            self._commands = self._subscriber = None
            commands.lose()
            subscriber.lose()

    async def _beat(self, commands: CommandLink, subscriber: SubscribedLink) -> None:
        """Show that this worker is alive, and see whether both connections are."""
        last_key = ""
        last_beat_at = 0.0
        refusal: ResponseError | None = None
        while True:
            command = self._beat_command()
            key = command[1]
            beat_at = asyncio.get_running_loop().time()
            beat = commands.execute(*command)
            beat.add_done_callback(retrieve)  # the wait for it may end before it does
            await answers_in_time(beat, subscriber.ping())
            if self.error is not None:
                _log.warning("Redis has been reached again")
            self._pause, self.error = _FIRST_PAUSE_SECONDS, None
            try:
                is_lost = beat.result() is None
            except NoPermissionError:
                raise  # the next attempt to connect is refused, and tells what to do
            except ResponseError as error:
                refusal = error  # such as "out of memory": messages may still arrive
            else:
                if is_lost and key == last_key:
                    self._log_lost(beat_at - last_beat_at, refusal)
                    self._observer.connected()
                last_key, last_beat_at, refusal = key, beat_at, None
            await asyncio.sleep(self._heartbeat_seconds)

    def _beat_command(self) -> tuple[str, ...]:
        milliseconds = str(int(self._key_seconds * 1000))
        return "SET", self._beat_key(), "1", "PX", milliseconds, "GET"

    def _log_lost(self, seconds: float, refusal: ResponseError | None) -> None:
        """Report that the key of the heartbeat is gone, so many seconds after it was set."""
        if seconds < self._key_seconds:
            _log.warning("Redis has lost its data")
        elif refusal is not None:
            _log.warning(
                "Redis has refused the heartbeats of this worker for %.1f s, in which its members"
                " did not count as present: %s",
                seconds,
                refusal,
            )
        else:
            _log.warning(
                "This worker sent no heartbeat to Redis for %.1f s, in which its members did not"
                " count as present: something blocked its event loop",
                seconds,
            )

    def _connected(self) -> CommandLink:
        if self._commands is None:
            raise EngineUnavailable("Redis cannot be reached")
        return self._commands
