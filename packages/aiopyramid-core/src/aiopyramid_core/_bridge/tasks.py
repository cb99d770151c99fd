"""Tasks created by a request: synchronous code may wait in them, and observers are told of them.

``asyncio.gather``, ``TaskGroup`` and the like run a coroutine in a Task. The Task runs outside of
the request's greenlet, so synchronous code in it cannot call synchronized coroutines. Here the loop
makes such Tasks step in greenlets of their own. Such a Task costs more each time that it starts or
waits, so this is a setting. Tasks created outside of requests cost no more than before.

Observers are told of the Tasks of a loop only if one of them asks for it, because that makes each
step of a Task slower.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from .. import _observing
from .._coroutines import is_coroutine
from .._observer import Observer
from .driver import in_bridge, spawn_greenlet, step_in_greenlets

__all__ = ("let_tasks_wait", "observe_tasks")


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


class _WrappedCoroutine(Coroutine[Any, Any, Any]):
    """Base class of coroutines around another one, which look like that one in their Task."""

    def __init__(self, original: Any) -> None:
        self._original = original
        self.__name__, self.__qualname__ = original.__name__, original.__qualname__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)  # such as cr_frame and cr_code, for the Task's repr


class _SteppedCoroutine(_WrappedCoroutine):
    """A coroutine that steps in greenlets."""

    def __init__(self, original: Any) -> None:
        super().__init__(original)
        self._steps = step_in_greenlets(original)
        self._has_begun = False

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


# --- Observers ------------------------------------------------------------------------------------


def observe_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Tell the observers about the Tasks that are created on a loop from now on.

    A call in a greenlet is left out: the greenlet itself tells when it waits.

    Args:
        loop: The event loop. Calling this again for it has no effect.
    """
    make_task: Any = loop.get_task_factory()
    if not isinstance(make_task, _ObservedTasks):
        loop.set_task_factory(_ObservedTasks(make_task or _make_plain_task))


def _make_plain_task(
    loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
) -> "asyncio.Task[Any]":
    return asyncio.Task(coroutine, loop=loop, **options)


class _ObservedTasks:
    """A task factory that tells observers.

    Args:
        make_task: The task factory that makes the Tasks.
    """

    def __init__(self, make_task: Callable[..., "asyncio.Task[Any]"]) -> None:
        self._make_task = make_task

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        observer = _observing.observer
        if (
            observer is None
            or not is_coroutine(coroutine)
            or getattr(coroutine, "cr_code", None) is spawn_greenlet.__code__
        ):
            return self._make_task(loop, coroutine, **options)
        task = self._make_task(loop, _ObservedCoroutine(coroutine, observer), **options)
        observer.task_began(task, coroutine)
        task.add_done_callback(observer.task_ended)
        return task


class _ObservedCoroutine(_WrappedCoroutine):
    """A coroutine whose waits are told to an observer."""

    def __init__(self, original: Any, observer: Observer) -> None:
        super().__init__(original)
        self._observer = observer
        self._waits = False

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._original.__await__()  # type: ignore[no-any-return]

    def send(self, value: Any) -> Any:
        return self._step(self._original.send, value)

    def throw(self, kind: Any, value: Any = None, frames: Any = None, /) -> Any:
        return self._step(self._original.throw, kind if value is None else value)

    def _step(self, step: Callable[[Any], Any], argument: Any) -> Any:
        if self._waits:
            self._waits = False
            self._observer.wait_ended(self._original)
        yielded = step(argument)
        self._waits = True
        self._observer.wait_began(self._original)
        return yielded

    def close(self) -> None:
        self._original.close()
