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
        if self.is_given and not in_turn:
            return loop.call_soon(callback).cancel
        key = object()
        if self.is_given:
            self._turns_of(loop).add(key, callback)
        else:
            self._callbacks[key] = loop, callback, in_turn

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
        at_once: deque[_Callback] = deque()
        for key, (other, callback, in_turn) in tuple(self._callbacks.items()):
            if other is loop:
                del self._callbacks[key]
                if in_turn:
                    self._turns_of(loop).add(key, callback)
                else:
                    at_once.append(callback)
        _call_all(at_once, loop)

    def _turns_of(self, loop: asyncio.AbstractEventLoop) -> Turns:
        if loop not in self._turns:
            self._turns[loop] = Turns(loop, self._spread_seconds)
        return self._turns[loop]


def _call_all(callbacks: deque[_Callback], loop: asyncio.AbstractEventLoop) -> None:
    try:
        while callbacks:
            callbacks.popleft()()
    finally:
        if callbacks:  # one has failed, which the loop reports
            loop.call_soon(_call_all, callbacks, loop)
