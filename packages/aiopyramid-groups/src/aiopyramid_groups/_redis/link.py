"""Connections to Redis on which commands are pipelined: those of one turn of the loop together."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from ..exceptions import EngineUnavailable

__all__ = ("CommandLink", "ConnectionLost", "Link", "Redirected", "redirection_of", "retrieve")


class Redirected(ResponseError):
    """A cluster is moving the slot of a key, or has moved it: the command was not executed."""


def redirection_of(error: ResponseError) -> Redirected | None:
    """Return the exception for an answer of a cluster that redirects; None for any other answer."""
    is_known = isinstance(error, (AskError, TryAgainError, ClusterDownError))
    # Older clients have exceptions for these answers, but do not raise them.
    if is_known or str(error).startswith(("MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN ")):
        return Redirected(str(error))
    return None


class ConnectionLost(Exception):
    """The connection was lost after a command was written: its outcome is not known."""


class Link:
    """A connection to which commands are written; the subclass reads.

    Args:
        connection: An open connection.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._unwritten: list[bytes] = []
        self._has_more = asyncio.Event()

    def write(self, *command: str | bytes | int) -> None:
        """Write a command at the end of the loop's turn."""
        self._unwritten += self._connection.pack_command(*command)
        self._has_more.set()

    async def write_all(self) -> None:
        """Write commands until the connection is lost, which raises an exception."""
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            data = b"".join(self._unwritten)
            self._unwritten.clear()
            self._written()
            await self._connection.send_packed_command(data, check_health=False)

    def _written(self) -> None:
        """Take note that all commands so far may reach Redis."""

    async def _read(self) -> Any:
        """Return the next response."""
        return await self._connection.read_response(disable_decoding=True)

    async def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(Exception):
            await self._connection.disconnect(nowait=True)


class CommandLink(Link):
    """A connection for commands and their responses.

    Args:
        connection: An open connection.
        on_redirect: Called when a cluster answers that another server has the key.
    """

    def __init__(
        self, connection: AbstractConnection, on_redirect: Callable[[], None] | None = None
    ) -> None:
        super().__init__(connection)
        self._on_redirect = on_redirect
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unwritten_commands = 0
        self._is_lost = False

    async def ask(self, *command: str | bytes | int) -> Any:
        """Write a command, and return its response, before :meth:`read_all` runs."""
        await self._connection.send_command(*command, check_health=False)
        return await self._read()

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
        self.execute(*command).add_done_callback(retrieve)

    async def read_all(self) -> None:
        """Read responses until the connection is lost, which raises an exception."""
        while True:
            try:
                response = await self._read()
            except ResponseError as error:
                redirection = redirection_of(error)
                if redirection is not None and self._on_redirect is not None:
                    self._on_redirect()
                future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(redirection or error)
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


def retrieve(future: asyncio.Future[Any]) -> None:
    """Look at a future's exception, which otherwise asyncio would log."""
    if not future.cancelled():
        future.exception()
