"""Synchronous clients, one for each server of a cluster."""

from typing import Any

import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from .address import Address, Kind, ServerName
from .slots import SlotMap

__all__ = ("Clients",)


class Clients:
    """Synchronous clients, which threads may share.

    Args:
        address: Where Redis is.
        timeout_seconds: How long to wait for an answer.
    """

    def __init__(self, address: Address, timeout_seconds: float) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._clients: dict[ServerName | None, redis.Redis] = {}
        self._map: SlotMap | None = None

    def find(self, key: str) -> "redis.Redis":
        """Return the client of the server that has a key.

        Raises:
            redis.RedisError: No server of the cluster can be reached.
        """
        if self._address.kind is not Kind.CLUSTER:
            return self._client(None)
        slots = self._map
        if slots is None:
            slots = self._map = self._ask_for_slots()
        server = slots.server_of(key)
        if server is None:
            raise RedisConnectionError("no server of the cluster has its slot")
        return self._client(server)

    def forget(self) -> None:
        """Ask the cluster again before the next command."""
        self._map = None

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, server: ServerName | None) -> "redis.Redis":
        client = self._clients.get(server)
        if client is None:
            client = self._clients[server] = self._address.client(self._timeout_seconds, server)
        return client

    def _ask_for_slots(self) -> SlotMap:
        last: RedisError | None = None
        for server in dict.fromkeys((*self._address.hosts, *filter(None, self._clients))):
            try:
                # "CLUSTER SLOTS" in one argument would be an answer that the client has changed.
                client: Any = self._client(server)
                return SlotMap(client.execute_command("CLUSTER", "SLOTS"), server)
            except RedisError as error:
                last = error
        raise last or RedisConnectionError("no server of the cluster can be reached")
