"""Notice that a client has gone, for the few requests that want to know.

In ASGI only a call of ``receive()`` that is waiting tells, so it costs a Task.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from aiopyramid_core.servers import Capabilities

from ._types import Receive

__all__ = ("Disconnects",)

_log = logging.getLogger("aiopyramid_asgi")


class Disconnects(Capabilities):
    """The capabilities of one request, which listen to its client when asked to.

    Args:
        receive: Waits for the next event from the client.
        task: The Task that handles the request, which callbacks may cancel.

    Attributes:
        before: Receives the events of a body that is still arriving, and returns whether the client
            is still there; None if the body is complete.
        cancellations: How often callbacks have cancelled the Task.
    """

    __slots__ = ("_receive", "_task", "_watching", "before", "cancellations", "has_ended")

    def __init__(self, receive: Receive, task: "asyncio.Task[object]") -> None:
        # Not super(), which takes Python 3.11 as long as three calls.
        Capabilities.__init__(self, task.get_loop(), _log)
        self._receive = receive
        self._task = task
        self._watching: asyncio.Task[None] | None = None
        self.before: Callable[[], Awaitable[bool]] | None = None
        self.cancellations = 0
        self.has_ended = False

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Register a callback; see :meth:`Capabilities.on_disconnect`.

        Args:
            callback: A callable without arguments.
        """
        super().on_disconnect(partial(self.counting, callback))
        if self.before is not None:
            return  # a client is not asked for its body before the application reads it
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # called in the thread of a synchronous request
            self._loop.call_soon_threadsafe(self.watch)
        else:
            self.watch()

    def counting(self, callback: Callable[[], object]) -> None:
        """Call a callback, and count how often it cancels the Task of the request.

        Args:
            callback: A callable without arguments.
        """
        before = self._task.cancelling()
        try:
            callback()
        finally:
            self.cancellations += self._task.cancelling() - before

    def watch(self) -> None:
        """Listen to the client from now on; called on the event loop."""
        if self._watching is None and not self.has_ended:
            self._watching = self._loop.create_task(self._watch(), name="on_disconnect")

    async def _watch(self) -> None:
        is_there = self.before is None or await self.before()
        # The body is complete, or there is none, so all other events are the empty end of it.
        while is_there and (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.has_ended:
            self.tell_disconnect()

    def end(self) -> None:
        """Stop listening: for servers, the end of a response is a disconnect, too."""
        if not self.has_ended:
            self.has_ended = True
            if self._watching is not None:
                self._watching.cancel()
            self.before = None  # breaks the cycle through the body
            self.forget()
