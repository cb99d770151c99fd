"""Which workers of an arbiter are starting, in memory that all of them share.

At SIGHUP gunicorn's arbiter forks new workers and tells the old ones to stop immediately after
that, long before the new ones have loaded the application. If an old worker stopped accepting then,
all new connections would wait until the application is loaded, so the worker looks here first.
"""

import mmap
import os
from typing import Final

__all__ = ("StartingWorkers",)

_WORKERS: Final = 512
"""Workers that are kept apart; with more of them, one may stop accepting too early."""


class StartingWorkers:
    """The workers that have been forked and do not serve yet; make it before the first fork."""

    def __init__(self) -> None:
        numbers = memoryview(mmap.mmap(-1, 2 * _WORKERS * 4)).cast("i")
        # Two numbers for each worker, because the arbiter learns the process id at an unknown time:
        # it may overwrite its own number after the worker has written the other one.
        self._pids = numbers[:_WORKERS]
        self._are_done = numbers[_WORKERS:]

    def announce(self, age: int) -> None:
        """Record that a worker is about to be forked.

        Args:
            age: The number that the arbiter has given it.
        """
        self._pids[age % _WORKERS] = 0
        self._are_done[age % _WORKERS] = 0

    def begin(self, age: int, pid: int) -> None:
        """Record that a worker has been forked.

        Args:
            age: The number that the arbiter has given it.
            pid: Its process.
        """
        self._pids[age % _WORKERS] = pid

    def done(self, age: int) -> None:
        """Record that a worker serves, or that it will not serve because it was told to stop.

        Args:
            age: The number that the arbiter has given it.
        """
        self._are_done[age % _WORKERS] = 1

    def any(self) -> bool:
        """Return whether any worker is starting."""
        workers = zip(self._pids, self._are_done, strict=True)
        return any(pid and not is_done and _is_alive(pid) for pid, is_done in workers)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
