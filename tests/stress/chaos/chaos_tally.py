"""The outcome of the requests of honest clients, and valid excuses of the server."""

import itertools
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

KEPT: Final = 20_000
"""Of how many answers it is kept how long they took, by kind; at random once there are more."""

_numbers = itertools.count()


def next_number() -> int:
    """Return a number that no other request has."""
    return next(_numbers)


@dataclass
class Tally:
    """The outcome of the requests of honest clients.

    Attributes:
        requests: How many were answered well, by kind.
        cut: How many were under way in a worker that was killed, by kind.
        refused: How many the application refused while its database was away, by kind.
        told_to_come_again: How often a worker that stops has told a client to ask another one, by
            kind: WebSockets, and requests after the last one that it answered.
        failures: Lost or wrong answers, in words.
        written: The writes to the database that the application has reported.
        open_websockets: How many WebSockets are open now.
        killed: When a worker was killed, by the ports of the clients whom it served.
        away: From when to when the database was away; to None, if it still is.
    """

    requests: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    told_to_come_again: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    open_websockets: int = 0
    killed: dict[int, float] = field(default_factory=dict)
    away: list[tuple[float, float | None]] = field(default_factory=list)
    _seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def answered(self, name: str, mark: str, seconds: float, requests: int) -> None:
        self.requests[name] += requests
        if name.startswith("write"):
            self.written.add(mark)
        kept = self._seconds[name]
        if len(kept) < KEPT:
            kept.append(seconds)
        else:
            kept[random.randrange(KEPT)] = seconds

    def lost(self, name: str, mark: str, error: Exception) -> None:
        self._failed("lost", name, mark, error)

    def wrong(self, name: str, mark: str, error: Exception) -> None:
        self._failed("wrong", name, mark, error)

    def _failed(self, what: str, name: str, mark: str, error: Exception) -> None:
        self.failures.append(f"{time.strftime('%H:%M:%S')} {what}: {name} {mark}: {error!r}")

    def was_killed(self, port: int, opened: float) -> bool:
        """Return whether the worker at the other end of a connection was killed."""
        return opened <= self.killed.get(port, 0)

    def database_was_away(self, since: float) -> bool:
        """Return whether the database was away at any time since then."""
        return any(end is None or end >= since for _, end in self.away)

    @property
    def websockets(self) -> int:
        """How many WebSocket connections were answered well."""
        return sum(count for name, count in self.requests.items() if name.startswith("websocket"))

    def quantile(self, name: str, share: float) -> float:
        """Return how many seconds that share of the answers of a kind took at most."""
        ordered = sorted(self._seconds[name])
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
