"""Blocks of the event loop, which a watchdog reports while the application runs."""

import time
from collections import deque
from typing import Final

from aiopyramid_core.watchdog import LoopBlock, Watchdog

__all__ = ("BLOCK_SECONDS", "LoopBlocks")

BLOCK_SECONDS: Final = 0.05
"""How long the event loop must be busy with one thing for a block: a person notices twice that."""

_MOST_BLOCKS: Final = 200
"""How many blocks are remembered."""


class LoopBlocks:
    """The last blocks of the event loop, from a watchdog."""

    def __init__(self) -> None:
        self._blocks: deque[LoopBlock] = deque(maxlen=_MOST_BLOCKS)
        self._watchdog: Watchdog | None = None

    def start(self) -> None:
        """Watch the running event loop."""
        self.stop()
        self._watchdog = Watchdog(BLOCK_SECONDS, self._blocks.append)
        self._watchdog.start()

    def stop(self) -> None:
        """Stop watching."""
        if self._watchdog is not None:
            self._watchdog.stop()
            self._watchdog = None

    def between(self, began_at: float, ended_at: float | None) -> list[LoopBlock]:
        """Return the blocks during a time.

        Args:
            began_at: When it began, by ``time.perf_counter()``.
            ended_at: When it ended; None for now.
        """
        end = time.perf_counter() if ended_at is None else ended_at
        return [
            block
            for block in tuple(self._blocks)
            if block.began_at < end and block.ended_at > began_at
        ]
