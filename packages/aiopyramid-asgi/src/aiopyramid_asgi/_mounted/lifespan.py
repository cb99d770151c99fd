"""The start and the end of a mounted application, in one Task.

Both must happen in the same Task, because the lifespan of a framework is a context manager whose
task groups and context variables belong to the Task that has entered them.
"""

import asyncio
import logging
from typing import Any

from .._types import ASGIApplication, Message
from ..exceptions import MountedStartupFailed

__all__ = ("MountedLifespan",)

_log = logging.getLogger("aiopyramid_asgi")


class MountedLifespan:
    """The lifespan of one mounted application.

    Args:
        application: The application.

    Attributes:
        state: The state that the application has set up; None if it has no lifespan.
    """

    def __init__(self, application: ASGIApplication) -> None:
        self._application = application
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answer: asyncio.Future[Message] | None = None
        self.state: dict[str, Any] | None = None

    async def start(self, registry: Any = None) -> None:
        """Start the application; a startup function.

        Raises:
            MountedStartupFailed: The application has reported that its startup failed.
        """
        self._events = asyncio.Queue()
        state: dict[str, Any] = {}
        self._task = asyncio.create_task(self._run(state), name="lifespan")
        try:
            answer = await self._ask("lifespan.startup")
        except BaseException:
            await self._give_up()
            raise
        if answer is None:
            self._task = None
            return
        if answer["type"] == "lifespan.startup.failed":
            await self._give_up()
            raise MountedStartupFailed(answer.get("message", ""))
        self.state = state

    async def stop(self, registry: Any = None) -> None:
        """Stop the application, if it has started; a shutdown function."""
        task = self._task
        if task is None:
            return
        try:
            answer = await self._ask("lifespan.shutdown")
        finally:
            await self._give_up()
            self.state = None
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            _log.error("The shutdown of an ASGI application has failed: %s", answer.get("message"))

    async def _run(self, state: dict[str, Any]) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": state,
        }
        try:
            await self._application(scope, self._events.get, self._send)
        except Exception as error:
            # After an answer, it has been reported already.
            level = logging.DEBUG if self._answer is None else logging.INFO
            _log.log(level, "An ASGI application has ended its lifespan: %r", error)

    async def _ask(self, kind: str) -> Message | None:
        """Send an event to the application; return its answer, or None if it gives none."""
        task = self._task
        assert task is not None  # see the callers
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": kind})
        try:
            await asyncio.wait((task, answer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._answer = None
        return answer.result() if answer.done() else None

    async def _send(self, event: Message) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(event)

    async def _give_up(self) -> None:
        """Wait for the end of the Task, which has nothing more to do."""
        task, self._task = self._task, None
        if task is not None:
            _, running = await asyncio.wait((task,), timeout=_LAST_WORDS_SECONDS)
            for late in running:
                late.cancel()
            if running:
                await asyncio.wait(running, timeout=_LAST_WORDS_SECONDS)


_LAST_WORDS_SECONDS = 1.0
"""How long the Task may take to end after its last answer, or after a cancellation."""
