"""Tasks created by a request, in which synchronous code may wait as it may in the request.

``asyncio.gather``, ``TaskGroup`` and the like run a coroutine in a Task. The Task runs outside of
the request's greenlet, so synchronous code in it cannot call synchronized coroutines. Here the loop
makes such Tasks step in greenlets of their own. Such a Task costs more each time that it starts or
waits, so this is a setting. Tasks created outside of requests cost no more than before.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

from .._coroutines import is_coroutine
from .driver import in_bridge, step_in_greenlets

__all__ = ("let_tasks_wait",)


def let_tasks_wait(loop: asyncio.AbstractEventLoop) -> None:
    """Let synchronous code wait in the Tasks that requests create.

    Args:
        loop: The event loop. If it has a task factory, it is left unchanged.
    """
    if loop.get_task_factory() is None:
        loop.set_task_factory(_make_task)


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> "asyncio.Task[Any]":
    if in_bridge() and is_coroutine(coroutine):
        coroutine = _SteppedCoroutine(coroutine)
    return asyncio.Task(coroutine, loop=loop, **options)


class _SteppedCoroutine(Coroutine[Any, Any, Any]):
    """A coroutine that steps in greenlets, and looks like the inner one in its Task."""

    def __init__(self, original: Any) -> None:
        self._original = original
        self._steps = step_in_greenlets(original)
        self._has_begun = False
        self.__name__, self.__qualname__ = original.__name__, original.__qualname__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)  # such as cr_frame and cr_code, for the Task's repr

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._steps.__await__()

    def send(self, value: Any) -> Any:
        self._has_begun = True
        return self._steps.send(value)

    def throw(self, kind: Any, value: Any = None, frames: Any = None, /) -> Any:
        if not self._has_begun:
            # The Task was cancelled before it began: pass the exception to the inner coroutine.
            self._steps.close()
            return self._original.throw(kind if value is None else value)
        return self._steps.throw(kind if value is None else value)

    def close(self) -> None:
        self._steps.close()
        self._original.close()
