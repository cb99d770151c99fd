"""The tasks of one application that outlive their response, and how long shutdown waits for them.

There are two kinds: background tasks, for which no client waits, and tasks that serve a client,
such as the handler of a WebSocket. The application sets how long to wait for the former. The server
sets how long to wait for the latter, as for requests.
"""

import asyncio
import functools
import logging
import math
from collections.abc import Coroutine, Set
from contextvars import Context
from typing import Any, Final

from ._bridge.driver import run_in_task

__all__ = ("Tasks", "name_of")

_log = logging.getLogger("aiopyramid_core")

_LAST_WORDS_SECONDS: Final = 1.0
"""How long a cancelled task may take for its ``finally`` clauses."""

_Task = asyncio.Task[Any]


class Tasks:
    """A group of tasks: starts them, logs their failures, and waits for them at shutdown.

    Args:
        timeout_seconds: How long to wait for background tasks.

    Attributes:
        timeout_seconds: The same.
        failed: How many tasks have failed.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.failed = 0
        self._tasks: set[_Task] = set()
        self._client_tasks: set[_Task] = set()  # those of them that serve a client

    def start(
        self,
        coroutine: Coroutine[Any, Any, Any],
        name: str | None,
        context: Context,
        *,
        serves_client: bool,
        in_greenlets: bool,
    ) -> _Task:
        """Run a coroutine, on the running loop.

        Args:
            coroutine: The coroutine.
            name: The name of the task in the log; by default the coroutine's name.
            context: Its context.
            serves_client: Whether it is not a background task.
            in_greenlets: Whether synchronous code that it calls may wait.

        Returns:
            The task.
        """
        task = asyncio.get_running_loop().create_task(
            run_in_task(coroutine, in_greenlets=in_greenlets),
            name=name or name_of(coroutine),
            context=context,
        )
        self._tasks.add(task)
        if serves_client:
            self._client_tasks.add(task)
        task.add_done_callback(functools.partial(self._ended, coroutine))
        return task

    @property
    def background_count(self) -> int:
        """How many background tasks are running."""
        return len(self._tasks) - len(self._client_tasks)

    def _ended(self, coroutine: Coroutine[Any, Any, Any], task: _Task) -> None:
        coroutine.close()  # a Task that is cancelled before its first step never awaits it
        self._tasks.discard(task)
        self._client_tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed += 1
            _log.error("The background task %s has failed", task.get_name(), exc_info=error)

    async def wait(self, at_most_seconds: float = math.inf) -> None:
        """Wait for all tasks, and cancel those that take too long.

        Args:
            at_most_seconds: How long the server allows; infinite if it sets no limit.
        """
        begin = asyncio.get_running_loop().time()
        seconds = min(self.timeout_seconds, at_most_seconds)
        await self._wait_until(begin + seconds)
        given_up = self._tasks - self._client_tasks
        await _cancel(given_up, seconds, "aiopyramid.shutdown_timeout")
        if at_most_seconds != math.inf:
            seconds = at_most_seconds
            await self._wait_until(begin + seconds, given_up)
        await _cancel(self._tasks - given_up, seconds, "the server's time limit")

    async def _wait_until(self, end: float, given_up: Set[_Task] = frozenset()) -> None:
        loop = asyncio.get_running_loop()
        # A task may start further ones.
        while (tasks := self._tasks - given_up) and loop.time() < end:
            _log.info("Background tasks still running: %d", len(tasks))
            await asyncio.wait(tasks, timeout=end - loop.time())


async def _cancel(late: set[_Task], seconds: float, limit: str) -> None:
    for task in late:
        _log.warning(
            "The background task %s has not ended within %g seconds and is cancelled (%s)",
            task.get_name(),
            seconds,
            limit,
        )
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=_LAST_WORDS_SECONDS)


def name_of(item: object) -> str:
    """Return the name of a function or coroutine for messages."""
    return getattr(item, "__qualname__", None) or repr(item)
