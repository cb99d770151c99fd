"""One call of a mounted application, in a Task of its own and in the context of its request."""

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_core.servers import kills_greenlet

from .._types import ASGIApplication, Message, Scope

__all__ = ("MountedCall",)


class MountedCall(ABC):
    """One call of a mounted application.

    Args:
        application: The application.
        scope: The description of the connection, as the application gets it.
        request: Pyramid's request.
    """

    def __init__(self, application: ASGIApplication, scope: Scope, request: Any) -> None:
        self._application = application
        self._scope = scope
        self._request = request
        self._task: asyncio.Task[Any] | None = None

    def _begin(self) -> None:
        """Start the application; when the server stops, it gets the time of a request."""
        lifespan = lifespan_of(self._request.registry)
        name = f"ASGI {self._scope['path']}"
        lifespan.spawn(self._run(), name=name, serves_client=True)

    def cancel(self) -> None:
        """Cancel the application."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        error: BaseException | None = None
        try:
            await self._application(self._scope, self._receive, self._send)
        except BaseException as failure:
            # Even SystemExit must not end anything else.
            error = failure
            if isinstance(failure, asyncio.CancelledError) or kills_greenlet(failure):
                raise
        finally:
            self._ended(error)
            # Breaks the cycle exception -> traceback -> this frame, since frameworks do not close
            # the generators of their responses: these are closed when nothing refers to them.
            error = None

    @abstractmethod
    async def _receive(self) -> Message:
        """Wait for the next event from the client."""

    @abstractmethod
    async def _send(self, event: Message) -> None:
        """Send an event to the client."""

    @abstractmethod
    def _ended(self, error: BaseException | None) -> None:
        """Act on the end of the application.

        Args:
            error: The exception that it has raised, or None.
        """
