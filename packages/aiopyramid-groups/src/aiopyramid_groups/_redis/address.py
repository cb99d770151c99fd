"""Where Redis is: one server, the master that sentinels know, or the servers of a cluster."""

import enum
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio
from pyramid.exceptions import ConfigurationError
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.retry import Retry as SynchronousRetry

from .channels import PLAIN, SHARDED, ChannelKind

__all__ = ("CONNECT_SECONDS", "Address", "Kind", "ServerName", "read_url")

CONNECT_SECONDS: Final = 2.0
"""How long to wait for a connection. A server that was stopped accepts it, and does not answer."""

ServerName = tuple[str, int]
"""The host and the port of a server."""


class Kind(enum.Enum):
    """The meaning of the hosts of an address."""

    SERVER = "server"
    SENTINELS = "sentinel"
    CLUSTER = "cluster"

    @property
    def channels(self) -> ChannelKind:
        """The kind of channels on which messages are published there."""
        return SHARDED if self is Kind.CLUSTER else PLAIN


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a Redis.

    Attributes:
        kind: The meaning of ``hosts``.
        hosts: The servers, sentinels or nodes that the URL names; none for a Unix socket.
        service: The name of the service for which the sentinels know the master.
        database: The number of the database.
        parts: The URL of a server before its host, and after its port.
    """

    kind: Kind
    hosts: tuple[ServerName, ...]
    service: str
    database: int
    parts: tuple[str, str]

    def url(self, server: ServerName | None) -> str:
        """Return the URL of a server, or the one that was given."""
        if server is None:
            return "".join(self.parts)
        host, port = server
        return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").join(self.parts)

    async def connect(self, server: ServerName | None = None) -> AbstractConnection:
        """Return an open connection.

        Args:
            server: The server; None for the only one, or the master that the sentinels know.

        Raises:
            redis.RedisError: There is none.
            OSError: The same.
        """
        if server is None and self.kind is Kind.SENTINELS:
            server = await self._master()
        pool = redis.asyncio.ConnectionPool.from_url(
            self.url(server),
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # the engine connects again by itself
            socket_connect_timeout=CONNECT_SECONDS,
            socket_keepalive=True,
            socket_timeout=None,  # a subscribed connection may be silent
        )
        connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    def client(self, timeout_seconds: float, server: ServerName | None = None) -> "redis.Redis":
        """Return a synchronous client, which does not try anything twice.

        Args:
            timeout_seconds: How long to wait for an answer.
            server: The server; None for the only one, or the master that the sentinels know.
        """
        common: dict[str, Any] = {
            "protocol": 2,
            "retry": SynchronousRetry(NoBackoff(), 0),
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": timeout_seconds,
        }
        if server is not None or self.kind is not Kind.SENTINELS:
            return redis.Redis.from_url(self.url(server), **common)
        options = _options(self.url(self.hosts[0]))
        options["ssl"] = options.pop("connection_class", None) is not None
        for name in ("host", "port"):
            options.pop(name)
        sentinel = redis.Sentinel(self.hosts, sentinel_kwargs=self._sentinel_options())  # type: ignore[no-untyped-call]
        client: redis.Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
            self.service, **options, **common
        )
        return client

    async def _master(self) -> ServerName:
        sentinel = redis.asyncio.Sentinel(  # type: ignore[no-untyped-call]
            self.hosts, sentinel_kwargs=self._sentinel_options()
        )
        try:
            host, port = await sentinel.discover_master(self.service)
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(host), int(port)

    def _sentinel_options(self) -> dict[str, Any]:
        """Return the options of connections to sentinels: encryption as for the master."""
        options = _options(self.url(self.hosts[0]))
        encryption = {name: value for name, value in options.items() if name.startswith("ssl_")}
        is_encrypted = "connection_class" in options
        return {"socket_timeout": CONNECT_SECONDS, "ssl": is_encrypted, **encryption}


def _options(url: str) -> dict[str, Any]:
    return dict(redis.connection.parse_url(url))  # type: ignore[no-untyped-call]


def read_url(url: str) -> Address:
    """Read the URL of a Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://`` as Redis's client reads them;
            ``redis+sentinel://user:password@host:port,host:port/service/database``; or
            ``redis+cluster://`` and ``rediss+cluster://`` with
            ``user:password@host:port,host:port``. Each may end with options of the client, as in
            ``?ssl_ca_certs=ca.pem``.

    Raises:
        ConfigurationError: The URL is invalid.
    """
    try:
        match = _SEVERAL_HOSTS.fullmatch(url)
        if match is None:
            options = redis.asyncio.connection.parse_url(url)
            return Address(Kind.SERVER, (), "", options.get("db", 0), (url, ""))
        address = _read(**match.groupdict(default=""))
        redis.asyncio.connection.parse_url(address.url(address.hosts[0]))
    except ValueError as error:
        shown = re.sub("//.*@", "//…@", url)  # without the password
        raise ConfigurationError(f"invalid URL of a Redis: {shown!r}: {error}") from None
    return address


_SEVERAL_HOSTS: Final = re.compile(
    r"(?P<scheme>rediss?)\+(?P<kind>sentinel|cluster)://(?P<credentials>[^/?]*@)?(?P<hosts>[^/?@]*)"
    r"(?:/(?P<path>[^?]*))?(?P<query>\?.*)?"
)


def _read(
    *, scheme: str, kind: str, credentials: str, hosts: str, path: str, query: str
) -> Address:
    if kind == "cluster":
        names, service, database = _names(hosts, 6379), "", path or "0"
        if database != "0":
            raise ValueError("a cluster has only the database 0")
    else:
        service, _, database = path.partition("/")
        if not service:
            raise ValueError("it must name the sentinels and the service")
        names = _names(hosts, 26379)
    number = int(database or 0)
    parts = f"{scheme}://{credentials}", f"/{number}{query}"
    return Address(Kind(kind), names, service, number, parts)


def _names(hosts: str, port: int) -> tuple[ServerName, ...]:
    """Return the names of servers, of a list of ``host``, ``host:port`` and ``[address]:port``."""
    names = []
    for each in hosts.split(","):
        parts = urlsplit(f"//{each}")
        if not parts.hostname:
            raise ValueError("it must name at least one host")
        names.append((parts.hostname, parts.port or port))
    return tuple(names)
