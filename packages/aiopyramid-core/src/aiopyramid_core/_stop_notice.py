"""The notice that a server gives an application before it stops, and who wants to hear of it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from ._turns import Turns

__all__ = ("StopNotice",)

_Callback = Callable[[], Any]


class StopNotice:
    """Given once in the life of an application; calls the callbacks that were registered for it.

    Attributes:
        is_given: Whether the server has begun to stop.
    """

    def __init__(self) -> None:
        self.is_given = False
        self._callbacks: dict[object, tuple[asyncio.AbstractEventLoop, _Callback, bool]] = {}
        self._turns: dict[asyncio.AbstractEventLoop, Turns] = {}
        self._spread_seconds = 0.0

    def call(self, callback: _Callback, *, in_turn: bool = False) -> Callable[[], None]:
        """Have a callback called on the running event loop when the notice is given.

        Args:
            callback: A callable without arguments. If the notice was given before, it is called in
                the next iteration of the loop, or when its turn comes.
            in_turn: Whether only a few of these callbacks are called at a time.

        Returns:
            A function that withdraws the callback; it may be called again, and afterwards.
        """
        loop = asyncio.get_running_loop()
        key = object()
        self._callbacks[key] = loop, callback, in_turn
        # Asked now and not before, because another thread or a signal may just give the notice.
        if self.is_given:
            loop.call_soon(self._begin, loop)

        def withdraw() -> None:
            self._callbacks.pop(key, None)
            if (turns := self._turns.get(loop)) is not None:
                turns.remove(key)

        return withdraw

    def give(self, spread_seconds: float = 0.0) -> None:
        """Give the notice; from any thread, and from a handler of a signal.

        Args:
            spread_seconds: How long it may take until all callbacks that are called in turn have
                been called.
        """
        if self.is_given:
            return
        self._spread_seconds = spread_seconds
        self.is_given = True
        for loop in {loop for loop, *_ in tuple(self._callbacks.values())}:
            if not loop.is_closed():
                # Once for all of its callbacks, because each time is a system call.
                loop.call_soon_threadsafe(self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        at_once: deque[object] = deque()
        # A server that gives no time may cancel all requests in the next iteration of the loop.
        has_time = self._spread_seconds > 0
        for key, (other, callback, in_turn) in tuple(self._callbacks.items()):
            if other is loop and in_turn and has_time:
                del self._callbacks[key]
                self._turns_of(loop).add(key, callback)
            elif other is loop:
                at_once.append(key)
        self._call_all(at_once, loop)

    def _call_all(self, keys: deque[object], loop: asyncio.AbstractEventLoop) -> None:
        try:
            while keys:
                key = keys.popleft()
                if key in self._callbacks:  # another one may have withdrawn it
                    _, callback, _ = self._callbacks.pop(key)
                    callback()
        finally:
            if keys:  # one has failed, which the loop reports
                loop.call_soon(self._call_all, keys, loop)

    def _turns_of(self, loop: asyncio.AbstractEventLoop) -> Turns:
        if loop not in self._turns:
            self._turns[loop] = Turns(loop, self._spread_seconds)
        return self._turns[loop]
