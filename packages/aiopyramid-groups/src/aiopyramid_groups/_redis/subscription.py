"""The connection on which a worker is subscribed to channels."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoPermissionError, ResponseError

from ..exceptions import EngineUnavailable
from .channels import ChannelKind
from .link import Link, redirection_of, retrieve

__all__ = ("SubscribedLink",)

_log = logging.getLogger("aiopyramid_groups")


class SubscribedLink(Link):
    """A connection for subscriptions.

    Redis answers in the order of the commands, with messages between the answers.

    Args:
        connection: An open connection.
        kind: The kind of channels.
        on_redirect: Called when a cluster answers that another server has a channel.
    """

    def __init__(
        self, connection: AbstractConnection, kind: ChannelKind, on_redirect: Callable[[], None]
    ) -> None:
        super().__init__(connection)
        self._kind = kind
        self._on_redirect = on_redirect
        self._channels: dict[bytes, asyncio.Future[None]] = {}
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()

    def subscribe(self, channel: bytes) -> asyncio.Future[None]:
        """Subscribe to a channel, unless that is done.

        Returns:
            The future of the confirmation, which others may wait for, too. It raises
            :class:`EngineUnavailable` if Redis refuses, or the connection is lost.
        """
        future = self._channels.get(channel)
        if future is None:
            future = self._channels[channel] = self._expect(channel, self._kind.subscribe, channel)
        return future

    def unsubscribe(self, channel: bytes) -> None:
        """Unsubscribe from a channel."""
        if self._channels.pop(channel, None) is not None:
            self._expect(channel, self._kind.unsubscribe, channel)

    def ping(self) -> asyncio.Future[None]:
        """Write a ping; return the future of its answer."""
        return self._expect(b"", "PING")

    async def listen(self, receive: Callable[[bytes, bytes], None]) -> None:
        """Pass messages on until the connection is lost, which raises an exception.

        Args:
            receive: Called with the channel and the message.
        """
        message, unsubscribed = self._kind.message, self._kind.unsubscribed
        while True:
            try:
                reply = await self._read()
            except ResponseError as error:
                self._refuse(error)
                continue
            if reply[0] == message:
                receive(reply[1], reply[2])
            elif reply[0] == unsubscribed and self._is_confirmed(reply[1]):
                # Nobody has asked for it: a cluster has moved the channel to another server.
                del self._channels[reply[1]]
                self._on_redirect()
            elif self._waiting:
                _, future = self._waiting.popleft()
                future.set_result(None)

    def lose(self) -> None:
        """Fail everything that waits for an answer."""
        self._channels.clear()
        while self._waiting:
            _, future = self._waiting.popleft()
            future.set_exception(EngineUnavailable("the connection to Redis is lost"))

    def _is_confirmed(self, channel: bytes) -> bool:
        future = self._channels.get(channel)
        return future is not None and future.done()

    def _expect(self, channel: bytes, *command: str | bytes) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(retrieve)
        self._waiting.append((channel, future))
        self.write(*command)
        return future

    def _refuse(self, error: ResponseError) -> None:
        if not self._waiting:
            raise error
        channel, future = self._waiting.popleft()
        if self._channels.get(channel) is future:
            del self._channels[channel]
        if redirection_of(error) is not None:
            self._on_redirect()
        else:
            remedy = (
                "; give the user of aiopyramid.groups.url the channels and commands that the README"
                " of aiopyramid-groups lists"
                if isinstance(error, NoPermissionError)
                else ""
            )
            _log.error("Redis has refused a subscription to %r: %s%s", channel, error, remedy)
        future.set_exception(EngineUnavailable(f"Redis has refused a subscription: {error}"))
