"""The notice that a server gives an application before it stops, and who wants to hear of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ("StopNotice",)


class StopNotice:
    """Given once in the life of an application; calls the callbacks that were registered for it.

    Attributes:
        is_given: Whether the server has begun to stop.
    """

    def __init__(self) -> None:
        self.is_given = False
        self._callbacks: dict[object, tuple[asyncio.AbstractEventLoop, Callable[[], Any]]] = {}

    def call(self, callback: Callable[[], Any]) -> Callable[[], None]:
        """Have a callback called on the running event loop when the notice is given.

        Args:
            callback: A callable without arguments. If the notice was given before, it is called in
                the next iteration of the loop.

        Returns:
            A function that withdraws the callback; it may be called again, and afterwards.
        """
        loop = asyncio.get_running_loop()
        if self.is_given:
            return loop.call_soon(callback).cancel
        key = object()
        self._callbacks[key] = loop, callback

        def withdraw() -> None:
            self._callbacks.pop(key, None)

        return withdraw

    def give(self) -> None:
        """Give the notice; from any thread, and from a handler of a signal."""
        self.is_given = True
        by_loop: dict[asyncio.AbstractEventLoop, deque[Callable[[], Any]]] = {}
        while self._callbacks:
            loop, callback = self._callbacks.pop(next(iter(self._callbacks)))
            by_loop.setdefault(loop, deque()).append(callback)
        for loop, callbacks in by_loop.items():
            if not loop.is_closed():
                # Once for all of them, because each time is a system call.
                loop.call_soon_threadsafe(_call_all, callbacks, loop)


def _call_all(callbacks: deque[Callable[[], Any]], loop: asyncio.AbstractEventLoop) -> None:
    try:
        while callbacks:
            callbacks.popleft()()
    finally:
        if callbacks:  # one has failed, which the loop reports
            loop.call_soon(_call_all, callbacks, loop)
