"""A connection to Redis on which commands are pipelined: those of one turn of the loop together."""

import asyncio
import contextlib
from collections import deque
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from ..exceptions import EngineUnavailable

__all__ = ("CommandLink", "ConnectionLost", "Link")


class ConnectionLost(Exception):
    """The connection was lost after a command was written: its outcome is not known."""


class Link:
    """A connection to which commands are written; the subclass or the caller reads.

    Args:
        connection: An open connection.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self._unwritten: list[bytes] = []
        self._has_more = asyncio.Event()

    def write(self, *command: str | bytes | int) -> None:
        """Write a command at the end of the loop's turn."""
        self._unwritten += self.connection.pack_command(*command)
        self._has_more.set()

    async def write_all(self) -> None:
        """Write commands until the connection is lost, which raises an exception."""
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            data = b"".join(self._unwritten)
            self._unwritten.clear()
            self._written()
            await self.connection.send_packed_command(data, check_health=False)

    def _written(self) -> None:
        """Take note that all commands so far may reach Redis."""

    async def read(self) -> Any:
        """Return the next response."""
        return await self.connection.read_response(disable_decoding=True)

    async def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(Exception):
            await self.connection.disconnect(nowait=True)


class CommandLink(Link):
    """A connection for commands and their responses."""

    def __init__(self, connection: AbstractConnection) -> None:
        super().__init__(connection)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unwritten_commands = 0
        self._is_lost = False

    def execute(self, *command: str | bytes | int) -> asyncio.Future[Any]:
        """Write a command; return the future of its response.

        The future raises :class:`redis.ResponseError` if Redis refuses the command,
        :class:`ConnectionLost` if the connection is lost, and :class:`EngineUnavailable` if it was
        lost before.
        """
        future = asyncio.get_running_loop().create_future()
        if self._is_lost:
            future.set_exception(EngineUnavailable("the connection to Redis is lost"))
            return future
        self._waiting.append(future)
        self._unwritten_commands += 1
        self.write(*command)
        return future

    def forget(self, *command: str | bytes | int) -> None:
        """Write a command; nobody waits for its response."""
        self.execute(*command).add_done_callback(_retrieve)

    async def read_all(self) -> None:
        """Read responses until the connection is lost, which raises an exception."""
        while True:
            try:
                response = await self.read()
            except ResponseError as error:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(error)
            else:
                if not self._waiting:
                    raise RedisConnectionError("Redis has sent a response without a command")
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(response)

    def lose(self) -> None:
        """Fail all commands that wait for a response."""
        self._is_lost = True
        written = len(self._waiting) - self._unwritten_commands
        for index, future in enumerate(self._waiting):
            if future.done():
                continue
            if index < written:
                future.set_exception(ConnectionLost())
            else:
                future.set_exception(EngineUnavailable("the connection to Redis is lost"))
        self._waiting.clear()

    def _written(self) -> None:
        self._unwritten_commands = 0


def _retrieve(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
