"""Tasks that a request makes, in which synchronous code may wait as it may in the request.

``asyncio.gather``, ``TaskGroup`` and the like make a Task of a coroutine. It runs outside of the
request's greenlet, so that what it calls cannot call synchronized coroutines. Here the loop makes
such Tasks step in greenlets of their own. A Task so made costs more, each time that it starts or
waits, which is why it is a setting; those that are made outside of requests cost what they did.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

from .._coroutines import is_coroutine
from .driver import in_bridge, step_in_greenlets

__all__ = ("let_tasks_wait",)


def let_tasks_wait(loop: asyncio.AbstractEventLoop) -> None:
    """Let synchronous code wait in the Tasks that requests make.

    Args:
        loop: The event loop. A task factory that it has is left to it.
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
    """A coroutine that steps in greenlets, and is the original one to whoever looks at its Task."""

    def __init__(self, original: Any) -> None:
        self._original = original
        self._steps = step_in_greenlets(original)
        self._has_begun = False
        self.__name__, self.__qualname__ = original.__name__, original.__qualname__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)  # cr_frame and cr_code, of which Tasks make a repr

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._steps.__await__()

    def send(self, value: Any) -> Any:
        self._has_begun = True
        return self._steps.send(value)

    def throw(self, kind: Any, value: Any = None, frames: Any = None, /) -> Any:
        if not self._has_begun:
            # A Task that is cancelled before it began: the original is to know.
            self._steps.close()
            return self._original.throw(kind if value is None else value)
        return self._steps.throw(kind if value is None else value)

    def close(self) -> None:
        self._steps.close()
        self._original.close()
