"""Calls on behalf of a greenlet that a server has created, such as uWSGI's for a request.

The parent of such a greenlet is the hub, the greenlet in which the event loop runs, and the hub
discards values that are switched up to it. So the greenlet cannot await. Instead the work runs in a
greenlet of the bridge, as under any other server of this project, and the server's greenlet only
waits for it::

    hub: event loop ── Task ── driver ══ bridge greenlet ── synchronous code, coroutines
     ║                                        │ hand_over(part)
    server's greenlet ── proceed() ◄──────────┘
"""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from greenlet import GreenletExit, getcurrent

from ._bridge.carrying import reraise
from ._bridge.driver import spawn_greenlet
from .awaiting import await_

__all__ = ("HostedCall", "wait_hosted")

T = TypeVar("T")


def wait_hosted(future: "asyncio.Future[T]") -> T:
    """Wait for a future or a Task in a greenlet that a server made.

    For awaitables that run no synchronous code: this uses no greenlet of the bridge.

    Args:
        future: A future or a Task of the running event loop.

    Returns:
        Its result.

    Raises:
        BaseException: Its exception.
    """
    host = getcurrent()
    if not future.done():
        future.add_done_callback(lambda _: host.switch())
    # A loop, because the server may switch to this greenlet for other reasons.
    while not future.done():
        host.parent.switch()
    return future.result()


class HostedCall(Generic[T]):
    """A function in a greenlet of the bridge, for which a server's own greenlet waits.

    For servers that make greenlets; made and used in such a greenlet, on the running event loop.
    The function sees a copy of that greenlet's context variables. It may hand over parts of its
    result before it returns::

        call = HostedCall(function)
        while call.proceed():
            write(call.part)
        result = call.result

    Args:
        function: A synchronous callable without arguments, which may await.

    Attributes:
        part: The part that the function has handed over, after ``proceed()`` returned True.
        result: The value that it has returned, after ``proceed()`` returned False.
    """

    __slots__ = (
        "_ended",
        "_error",
        "_function",
        "_has_part",
        "_host",
        "_host_waits",
        "_loop",
        "_taken",
        "_task",
        "part",
        "result",
    )

    part: Any
    result: T

    def __init__(self, function: Callable[[], T]) -> None:
        self._function: Callable[[], T] | None = function
        self._loop = asyncio.get_running_loop()
        self._host = getcurrent()
        self._host_waits = False
        self._task: asyncio.Task[None] | None = None
        self._taken: asyncio.Future[None] | None = None
        self._has_part = False
        self._ended = False
        self._error: BaseException | None = None
        self.part = None

    # --- Called in the server's greenlet ------------------------------------------------------

    def proceed(self, error: BaseException | None = None) -> bool:
        """Let the function continue until it hands over a part or ends.

        Args:
            error: An exception to raise in the function, where it has handed over the last part.

        Returns:
            Whether the function has handed over a part; False if it has ended.

        Raises:
            BaseException: Any exception raised by the function.
        """
        if self._task is None:
            # Where nothing ever waits, a greenlet without a Task would do. It would save 8 % of the
            # CPU time of "Hello, world" in a view that runs on the loop, and nothing measurable
            # where the view is a coroutine or runs in a thread.
            self._task = self._loop.create_task(spawn_greenlet(self._run))
            self._task.add_done_callback(self._wake)
        elif error is not None:
            self._answer(error)
        elif not self._has_part:
            self._answer(None)
        # A loop, because the server may switch to this greenlet for other reasons.
        while not self._has_part and not self.has_ended:
            self._host_waits = True
            self._host.parent.switch()
        self._host_waits = False
        return self._outcome()

    def _answer(self, error: BaseException | None) -> None:
        """Let the function continue after it has handed over the last part."""
        self._has_part = False
        taken, self._taken = self._taken, None
        if taken is None or taken.done():
            return  # it has been cancelled in the meantime
        if error is None:
            taken.set_result(None)
        else:
            taken.set_exception(error)

    def cancel(self) -> None:
        """Cancel the function where it waits, as the cancellation of a Task does."""
        if self._task is not None:
            self._task.cancel()

    @property
    def has_begun(self) -> bool:
        """Whether ``proceed()`` was called."""
        return self._task is not None

    @property
    def has_ended(self) -> bool:
        """Whether the function has ended."""
        # If the greenlet was killed, only the Task is done.
        return self._ended or (self._task is not None and self._task.done())

    def _outcome(self) -> bool:
        if self._has_part:
            self._has_part = False
            return True
        self.part = None
        error, self._error = self._error, None
        if error is None and not self._ended:
            assert self._task is not None
            error = self._task.exception()
        if error is None:
            return False
        try:
            reraise(error)
        finally:
            del error  # breaks the cycle exception -> traceback -> this frame

    # --- Called in the function ---------------------------------------------------------------

    def hand_over(self, part: Any) -> None:
        """Give the server's greenlet a part of the result, and wait until it calls ``proceed()``.

        Callable wherever the function can await, in an executor thread as well.

        Args:
            part: Becomes ``part``.

        Raises:
            BaseException: The exception that the server's greenlet passed to ``proceed()``.
        """
        await_(self.give(part))

    async def give(self, part: Any) -> None:
        """Hand over a part, for coroutines.

        Args:
            part: Becomes ``part``.

        Raises:
            BaseException: The exception that the server's greenlet passed to ``proceed()``.
        """
        self.part, self._has_part = part, True
        self._taken = taken = self._loop.create_future()
        # Not directly, because the greenlet of the bridge is running here, and not the hub.
        self._loop.call_soon(self._wake)
        await taken

    # --- Called by the event loop -------------------------------------------------------------

    def _wake(self, _task: "asyncio.Task[None] | None" = None) -> None:
        # Only if it waits for this call: it may be waiting for the client in the meantime.
        if self._host_waits:
            self._host_waits = False
            self._host.switch()

    def _run(self) -> None:
        function, self._function = self._function, None
        assert function is not None
        try:
            self.result = function()
        except GreenletExit:
            raise
        except BaseException as error:
            self._error = error
        self._ended = True
