"""Messages from other processes: Celery tasks, cron jobs, scripts."""

import time
from types import TracebackType
from typing import Any, Final

from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ._message import encode, to_json
from ._names import check_name
from ._redis.address import Kind, read_url
from ._redis.clients import Clients
from ._redis.keys import GroupKeys, group_keys
from ._redis.link import redirection_of
from ._redis.scripts import APPEND
from .exceptions import NotSent, OutcomeUnknown
from .settings import GroupsSettings

__all__ = ("Publisher",)

_AGAIN_SECONDS: Final = 0.02
"""How long to wait before a message is sent again that a cluster has redirected."""


class Publisher:
    """Sends messages to groups from a process that is not a worker of the application.

    It needs neither an event loop nor the application, and may be shared by threads. ::

        publisher = Publisher("redis://localhost:6379/0")
        publisher.send("news", "saved")

    Args:
        url: ``aiopyramid.groups.url`` of the application.
        prefix: ``aiopyramid.groups.prefix`` of the application.
        history: ``aiopyramid.groups.history`` of the application.
        history_seconds: ``aiopyramid.groups.history_seconds`` of the application.
        send_timeout_seconds: How long to wait for Redis.
        max_message_bytes: ``aiopyramid.groups.max_message`` of the application.

    Raises:
        ConfigurationError: A value is invalid.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "aiopyramid",
        history: int = 100,
        history_seconds: int = 86400,
        send_timeout_seconds: float = 5.0,
        max_message_bytes: int = 1 << 20,
    ) -> None:
        self._settings = GroupsSettings.from_mapping(
            {
                "aiopyramid.groups.url": url,
                "aiopyramid.groups.prefix": prefix,
                "aiopyramid.groups.history": history,
                "aiopyramid.groups.history_seconds": history_seconds,
                "aiopyramid.groups.send_timeout": send_timeout_seconds,
                "aiopyramid.groups.max_message": max_message_bytes,
            }
        )
        self._address = read_url(url)
        self._clients = Clients(self._address, send_timeout_seconds)

    def send(self, group: str, message: str | bytes) -> str:
        """Send a message to all members of a group.

        Args:
            group: The name of the group.
            message: ``str`` or ``bytes``.

        Returns:
            The identifier of the message.

        Raises:
            InvalidGroupName: The name is not a ``str``, or is empty or too long.
            InvalidMessage: The message has another type, or is too long.
            NotSent: The message was not sent.
            OutcomeUnknown: The message may or may not have been sent.
        """
        settings = self._settings
        keys = group_keys(settings.prefix, check_name(group), self._address.database)
        data = encode(message, settings.max_message_bytes)
        seconds = settings.send_timeout_seconds
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._append(group, keys, data)
            except (ResponseError, AuthenticationError) as error:
                self._check_redirected(group, error)
                if time.monotonic() > deadline:
                    raise NotSent(group, f"the Redis cluster is changing: {error}") from error
                time.sleep(_AGAIN_SECONDS)
            except RedisTimeoutError:
                reason = f"Redis has not answered within {seconds:g} seconds"
                raise OutcomeUnknown(group, reason) from None
            except RedisError as error:
                self._clients.forget()
                raise OutcomeUnknown(group, f"the connection to Redis was lost: {error}") from error

    def send_json(self, group: str, value: Any) -> str:
        """Send a value as JSON, in a text message; see :meth:`send`."""
        return self.send(group, to_json(value))

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_redirected(self, group: str, error: RedisError) -> None:
        """Look for the server to which a cluster has redirected a command.

        Raises:
            NotSent: Redis has refused the command for another reason.
        """
        if not isinstance(error, ResponseError) or redirection_of(error) is None:
            raise NotSent(group, f"Redis refused it: {error}") from error
        if self._address.kind is not Kind.CLUSTER:
            reason = "this Redis is a server of a cluster: use redis+cluster://host:port"
            raise NotSent(group, reason) from error
        self._clients.forget()

    def _append(self, group: str, keys: GroupKeys, data: bytes) -> str:
        try:
            # So that an error of the next command is not one of an attempt to connect.
            client = self._clients.find(keys.stream)
            run = client.info("server")["run_id"]
        except RedisError as error:
            self._clients.forget()
            raise NotSent(group, f"Redis cannot be reached: {error}") from error
        settings = self._settings
        arguments = (
            *(keys.stream, keys.run, data, settings.history, settings.history_seconds),
            *(keys.channel, run, self._address.kind.channels.publish),
        )
        try:
            reply: Any = client.evalsha(APPEND.sha, 2, *arguments)
        except NoScriptError:
            reply = client.eval(APPEND.text, 2, *arguments)
        return bytes(reply).decode()
