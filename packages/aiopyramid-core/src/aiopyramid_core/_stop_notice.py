"""The notice that a server gives an application before it stops, and who wants to hear of it."""

import asyncio
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
        while self._callbacks:
            loop, callback = self._callbacks.pop(next(iter(self._callbacks)))
            if not loop.is_closed():
                loop.call_soon_threadsafe(callback)
