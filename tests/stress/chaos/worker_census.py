"""Regular counts of the objects that a worker holds, and a check that they do not grow.

Memory, descriptors, threads, tasks and greenlets go up and down under load. They are flat if the
median of the last quarter of all looks is hardly above that of the second quarter; in the first one
pools and caches fill.
"""

import json
import statistics
from dataclasses import dataclass, field
from typing import Final

from honest_acts import Connection

MEBIBYTE: Final = 1 << 20

SLACK: Final = {
    "resident_bytes": 4 * MEBIBYTE,
    "blocks": 20_000,
    "descriptors": 15,
    "threads": 3,
    "tasks": 20,
    "greenlets": 20,
    "requests": 20,
}
"""How far the median may move, because the load of one moment is not that of another."""


async def census(port: int, path: str = "census") -> dict[str, int]:
    """Return what a worker says of itself."""
    connection = await Connection.open(port)
    try:
        connection.send(f"/-/{path}")
        found: dict[str, int] = json.loads(await connection.answer())
        return found
    finally:
        await connection.close()


@dataclass
class Looks:
    """The objects that a worker held at each count."""

    seen: list[dict[str, int]] = field(default_factory=list)

    def medians(self, name: str) -> tuple[float, float]:
        """Return the medians of the second and of the last quarter."""
        values = [each[name] for each in self.seen]
        quarter = len(values) // 4
        return (
            statistics.median(values[quarter : 2 * quarter]),
            statistics.median(values[-quarter:]),
        )

    def growth(self) -> dict[str, tuple[float, float]]:
        """Return the medians of what has grown by more than the slack."""
        medians = {name: self.medians(name) for name in SLACK}
        return {
            name: (before, after)
            for name, (before, after) in medians.items()
            if after - before > SLACK[name]
        }
