"""The chat room: who is here, and what was said lately.

A room is a log, which each window follows at its own pace: a new window begins with all that is
kept, and one that cannot keep up skips what is kept no longer. So nothing piles up for a slow
window, and nobody waits for it.

The log is in this process's memory. With several workers, each would have a room of its own: put a
broker such as Redis in the place of this class.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from pyramid.config import Configurator

KEPT = 50  # lines, for those who come later
LONGEST_NAME = 24  # characters

Line = dict[str, Any]


class Room:
    """The people in the room, and the latest messages."""

    def __init__(self) -> None:
        self._here: list[str] = []
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._written = 0
        self._news = asyncio.Event()

    @contextmanager
    def entered(self, wish: str) -> Iterator[str]:
        """Be in the room for the length of the block, under a name that nobody else has."""
        name = self._free_name(wish)
        self._here.append(name)
        self._write(f"{name} has come in")
        try:
            yield name
        finally:
            self._here.remove(name)
            self._write(f"{name} has left")

    def say(self, name: str, text: str) -> None:
        """Let everybody know."""
        self._write(text, who=name)

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over what happens: the latest lines first of all, and then whatever is new."""
        read = 0
        while True:
            news = self._news
            missed = min(self._written - read, len(self._lines))
            read = self._written
            lines = list(self._lines)[len(self._lines) - missed :]
            yield {"here": list(self._here), "lines": lines}
            await news.wait()

    def _write(self, text: str, who: str | None = None) -> None:
        self._lines.append({"at": time.time(), "who": who, "text": text})
        self._written += 1
        self._news.set()
        self._news = asyncio.Event()

    def _free_name(self, wish: str) -> str:
        wish = " ".join(wish.split())[:LONGEST_NAME] or "Somebody"
        names = itertools.chain([wish], (f"{wish} {number}" for number in itertools.count(2)))
        return next(name for name in names if name not in self._here)


def includeme(config: Configurator) -> None:
    """Give the application a room: ``request.registry.room``."""
    config.registry.room = Room()
