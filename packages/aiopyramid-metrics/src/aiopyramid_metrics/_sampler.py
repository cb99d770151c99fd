"""The numbers that no observer is told, sampled at intervals on the event loop."""

import asyncio
import logging
import sys
from collections.abc import Iterable
from typing import Any, Final

from aiopyramid_core import thread_counts
from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.observing import greenlet_counts
from aiopyramid_core.watchdog import LoopBlock, Watchdog

from ._instruments import Record
from ._labels import culprit_label
from ._observer import MetricsObserver

__all__ = ("Sampler",)

_log = logging.getLogger("aiopyramid_metrics")


class Sampler:
    """Samples a process; made on its event loop.

    Args:
        records: The functions that record numbers, by the names of the metrics.
        observer: Knows the requests and connections of the process.
        interval_seconds: How often to look.
        blocking_seconds: After which time the loop is blocked; None not to look for it.
        totals: The totals of counters so far, also from an earlier sampler of this process.
    """

    def __init__(
        self,
        records: dict[str, Record],
        observer: MetricsObserver,
        interval_seconds: float,
        blocking_seconds: float | None,
        totals: dict[tuple[str, ...], int],
    ) -> None:
        self._records = records
        self._observer = observer
        self._seconds = interval_seconds
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        self._totals = totals
        self._registries: list[Any] = []
        self._watchdog: Watchdog | None = None
        if blocking_seconds is not None:
            self._watchdog = Watchdog(blocking_seconds, self._record_block)
            self._watchdog.start()
        self._timer = self._loop.call_soon(self._tick)

    def add(self, registry: Any) -> None:
        """Sample an application, too."""
        self._registries.append(registry)

    def remove(self, registry: Any) -> bool:
        """Sample an application no more; return whether it was the last one."""
        self.sample()
        self._registries.remove(registry)
        return not self._registries

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()
        if self._watchdog is not None:
            self._watchdog.stop()

    def _tick(self) -> None:
        now = self._loop.time()
        self._records["loop.lag"](max(0.0, now - self._due))
        self._due = now + self._seconds
        self._timer = self._loop.call_at(self._due, self._tick)
        try:
            self.sample()
        except Exception:
            _log.exception("Some metrics could not be sampled")

    def sample(self) -> None:
        """Look at everything now."""
        for side, count in self._observer.active().items():
            self._set("requests.active", count, side)
        threads = thread_counts()
        self._set("requests.queued", threads.queued)
        self._set("threads.running", threads.running)
        self._set("threads.waiting", threads.waiting)
        self._set("threads.limit", threads.limit)
        self._set("tasks", len(asyncio.all_tasks(self._loop)))
        greenlets = greenlet_counts()
        self._set("greenlets.used", greenlets.used)
        self._set("greenlets.idle", greenlets.idle)
        lifespans = [lifespan_of(registry) for registry in self._registries]
        self._set("background.tasks", sum(each.background_tasks for each in lifespans))
        failed = sum(each.failed_tasks for each in lifespans)
        self._count_up("background.task.failures", failed)
        self._sample_connections()
        self._sample_groups()

    def _sample_connections(self) -> None:
        opened, slow, messages, size_bytes = self._observer.connections()
        for kind in _KINDS:
            self._set("connections.open", opened[kind], kind)
            self._set("connections.slow", slow[kind], kind)
        for labels, count in messages.items():
            self._count_up("connection.messages", count, *labels)
        for labels, count in size_bytes.items():
            self._count_up("connection.payload", count, *labels)

    def _sample_groups(self) -> None:
        groups = sys.modules.get("aiopyramid_groups")
        if groups is None:  # no application uses it
            return
        counts = groups.group_counts()
        self._set("groups", counts.groups)
        self._set("group.members", counts.members)
        self._count_up("group.messages.sent", counts.sent)
        self._count_up("group.messages.delivered", counts.delivered)
        self._count_up("group.messages.dropped", counts.dropped)
        self._count_up("group.resyncs", counts.resyncs)
        self._count_up("group.members.closed", counts.closed)

    def _set(self, name: str, number: float, *labels: str) -> None:
        self._records[name](number, *labels)

    def _count_up(self, name: str, total: int, *labels: str) -> None:
        """Add to a counter what a total has grown by."""
        key = (name, *labels)
        grown = total - self._totals.get(key, 0)
        self._totals[key] = total
        if grown > 0:
            self._records[name](grown, *labels)

    def _record_block(self, block: LoopBlock) -> None:
        culprit = culprit_label(block.culprit)
        self._records["loop.blocks"](1, culprit)
        self._records["loop.blocked"](block.ended_at - block.began_at, culprit)


_KINDS: Final[Iterable[str]] = ("websocket", "event_stream")
