"""Where Redis is: a URL, or the present master according to sentinels."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
from pyramid.exceptions import ConfigurationError
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.retry import Retry as SynchronousRetry

__all__ = ("Address", "read_url")

CONNECT_SECONDS: Final = 2.0
"""How long to wait for a connection. A server that was stopped accepts it, and does not answer."""


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a Redis.

    Attributes:
        url: Its URL, or None if sentinels know the address.
        sentinels: The addresses of the sentinels.
        service: The name of the service for which they know the master.
        options: The user name, password and database, for a service.
        database: The number of the database.
    """

    url: str | None
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    database: int = 0

    async def connect(self) -> AbstractConnection:
        """Return an open connection to the master.

        Raises:
            redis.RedisError: There is none.
            OSError: The same.
        """
        common: dict[str, Any] = {
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),  # the engine connects again by itself
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_keepalive": True,
            "socket_timeout": None,  # a subscribed connection may be silent
        }
        if self.url is not None:
            pool = redis.asyncio.ConnectionPool.from_url(self.url, **common)
        else:
            host, port = await self._master()
            pool = redis.asyncio.ConnectionPool(host=host, port=port, **self.options, **common)
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    def client(self, timeout_seconds: float) -> "redis.Redis":
        """Return a synchronous client, which does not try anything twice."""
        common: dict[str, Any] = {
            "protocol": 2,
            "retry": SynchronousRetry(NoBackoff(), 0),
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": timeout_seconds,
        }
        if self.url is not None:
            return redis.Redis.from_url(self.url, **common)
        sentinel = redis.Sentinel(self.sentinels, socket_timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]
        client: redis.Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
            self.service, **self.options, **common
        )
        return client

    async def _master(self) -> tuple[str, int]:
        sentinel = redis.asyncio.Sentinel(  # type: ignore[no-untyped-call]
            self.sentinels, socket_timeout=CONNECT_SECONDS
        )
        try:
            host, port = await sentinel.discover_master(self.service)
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(host), int(port)


def read_url(url: str) -> Address:
    """Read the URL of a Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://`` as Redis's client reads them; or
            ``redis+sentinel://user:password@host:port,host:port/service/database``.

    Raises:
        ConfigurationError: The URL is invalid.
    """
    try:
        if not url.startswith("redis+sentinel://"):
            options = redis.asyncio.connection.parse_url(url)
            return Address(url, database=options.get("db", 0))
        return _read_sentinels(url)
    except ValueError as error:
        raise ConfigurationError(f"invalid URL of a Redis: {url!r}: {error}") from None


def _read_sentinels(url: str) -> Address:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not (hosts and service):
        raise ValueError("it must name the sentinels and the service")
    sentinels = []
    for each in hosts.split(","):
        host, _, port = each.rpartition(":")
        sentinels.append((host or port, int(port) if host else 26379))
    user, _, password = credentials.partition(":")
    options: dict[str, Any] = {"db": int(database or 0)}
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    return Address(None, tuple(sentinels), service, options, options["db"])
