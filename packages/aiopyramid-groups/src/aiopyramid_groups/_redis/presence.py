"""The members that are listed: those of this worker, and those of all workers."""

from collections.abc import Callable

from .keys import GroupKeys, worker_key
from .servers import Servers

__all__ = ("Presence",)


class Presence:
    """The members that are listed.

    The members of a group are in a hash, each under the name of its worker. A worker that is alive
    has a key that expires, so that heartbeats do not grow with members.

    Args:
        servers: Where everything is kept.
        keys_of: Returns the keys of a group.
        prefix: The prefix of the application's keys.
        keep_seconds: How long the list of a group is kept after its last change.
    """

    def __init__(
        self,
        servers: Servers,
        keys_of: Callable[[str], GroupKeys],
        prefix: str,
        keep_seconds: int,
    ) -> None:
        self._servers = servers
        self._keys_of = keys_of
        self._prefix = prefix
        self._keep_seconds = keep_seconds
        self._members: dict[tuple[str, str], str] = {}
        self._worker = ""

    def start(self, worker: str) -> None:
        """Begin without members.

        Args:
            worker: The identifier of this worker.
        """
        self._worker = worker
        self._members.clear()

    def withdraw(self) -> None:
        """Remove the members of this worker from the lists, and the sign that it is alive."""
        key = worker_key(self._prefix, self._worker)
        if (node := self._servers.find(key)) is not None:
            node.forget("DEL", key)
        for group, member in self._members:
            self._announce(group, member, None)

    def set(self, group: str, member: str, who: str | None) -> None:
        """Make a member visible to all workers, or invisible if ``who`` is None."""
        if who is not None:
            self._members[group, member] = who
        else:
            self._members.pop((group, member), None)
        self._announce(group, member, who)

    def announce(self) -> None:
        """Make all members of this worker visible again.

        Whatever server has lost something: others may have removed the members from other servers,
        because they did not find the sign that this worker is alive.
        """
        for (group, member), who in self._members.items():
            self._announce(group, member, who)

    async def of(self, group: str) -> list[str]:
        """Return the descriptions of the members of a group, of all workers that are alive.

        Raises:
            EngineUnavailable: Redis cannot be reached.
        """
        key = self._keys_of(group).present
        reply: list[bytes] = await self._servers.ask(key, "HGETALL", key)
        members = dict(zip(reply[::2], reply[1::2], strict=True))
        if not members:
            return []
        workers = sorted({field.partition(b":")[0] for field in members})
        beats = [worker_key(self._prefix, worker.decode()) for worker in workers]
        answers = await self._servers.ask(beats[0], "MGET", *beats)
        alive = {worker for worker, beat in zip(workers, answers, strict=True) if beat is not None}
        gone = [field for field in members if field.partition(b":")[0] not in alive]
        if gone and (node := self._servers.find(key)) is not None:
            node.forget("HDEL", key, *gone)
            for field in gone:
                del members[field]
        return [who.decode() for who in members.values()]

    def _announce(self, group: str, member: str, who: str | None) -> None:
        key = self._keys_of(group).present
        field = f"{self._worker}:{member}"
        node = self._servers.find(key)
        if node is None:
            return
        if who is None:
            node.forget("HDEL", key, field)
        else:
            node.forget("HSET", key, field, who)
            node.forget("EXPIRE", key, self._keep_seconds)
