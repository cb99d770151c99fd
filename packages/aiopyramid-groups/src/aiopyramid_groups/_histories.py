"""One question to the engine for many members that join at the same time.

After a worker has ended, all of its clients come to the others, and most have seen the same message
last. Members that wait for the same history share the question and the decoded messages, so that
these are encoded once as well.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from typing import NamedTuple

from ._futures import shared_result
from ._message import GroupMessage, decode
from .engine import Engine

__all__ = ("Histories", "Missed")


class Missed(NamedTuple):
    """The messages of a group after a certain one.

    Attributes:
        messages: The messages, the oldest first.
        is_complete: Whether these are all.
    """

    messages: Sequence[GroupMessage]
    is_complete: bool


class Histories:
    """Asks for the messages of one group.

    Args:
        engine: Keeps the messages.
        group: The name of the group.
    """

    __slots__ = ("_engine", "_group", "_tasks", "_waiting")

    def __init__(self, engine: Engine, group: str) -> None:
        self._engine = engine
        self._group = group
        self._waiting: dict[str, asyncio.Future[Missed]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def after(self, id: str) -> Missed:
        """Return the messages after an identifier, as they are not before this call.

        Raises:
            EngineUnavailable: The engine cannot answer.
        """
        missed = self._waiting.get(id)
        if missed is None:
            missed = self._waiting[id] = asyncio.get_running_loop().create_future()
            if id not in self._tasks:
                # In no request's context, since it serves many.
                task = asyncio.create_task(self._answer(id), context=Context())
                self._tasks[id] = task
        return await shared_result(missed)

    async def _answer(self, id: str) -> None:
        """Ask while members wait; an answer is for those that were waiting before the question."""
        try:
            while (missed := self._waiting.pop(id, None)) is not None:
                await self._ask(id, missed)
        finally:
            del self._tasks[id]
            if (missed := self._waiting.pop(id, None)) is not None:
                missed.cancel()  # it would never be answered

    async def _ask(self, id: str, missed: "asyncio.Future[Missed]") -> None:
        try:
            history = await self._engine.history(self._group, id)
            messages = [decode(entry) for entry in history.entries]
        except Exception as error:
            missed.set_exception(error)
            missed.exception()  # all members may have left
        except BaseException:
            missed.cancel()
            raise
        else:
            missed.set_result(Missed(messages, history.is_complete))
