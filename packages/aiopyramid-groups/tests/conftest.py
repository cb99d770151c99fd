"""What the tests share, as fixtures: pytest imports test modules such that none sees another."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import coroutine_tests
import pytest
from pyramid.config import Configurator

from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_groups import Group, group_of, json_envelope
from aiopyramid_websocket.testing import WebSocketClient, connect

# For pytest to find: tests may be coroutine functions.
pytest_pyfunc_call = coroutine_tests.pytest_pyfunc_call
loop_factory = coroutine_tests.loop_factory


class Site:
    """An application with a WebSocket view that joins a group; on this event loop."""

    def __init__(self, **settings: Any) -> None:
        self.config = Configurator(settings=settings)
        self.config.include("aiopyramid_groups")
        self.options: dict[str, Any] = {}
        self.members: list[Any] = []
        self.config.add_route("room", "/{name}")
        self.config.add_websocket_view(self._room, route_name="room")
        self.application = self.config.make_wsgi_app()
        self.registry = self.config.registry

    def group(self, name: str = "room") -> Group:
        return group_of(self.registry, name)

    async def _room(self, request: Any, ws: Any) -> None:
        async def on_resync() -> None:
            await ws.send("resync")

        options = {
            "after": request.params.get("after"),
            "who": request.params.get("who"),
            "on_resync": on_resync,
            "envelope": json_envelope if "envelope" in request.params else None,
        } | self.options
        group = group_of(request, request.matchdict["name"])
        async with group.join(ws, **options) as member:
            self.members.append(member)
            await ws.send("joined")
            async for message in ws:
                await group.send(message)

    @contextlib.asynccontextmanager
    async def client(self, path: str = "/room") -> AsyncIterator["Client"]:
        """Connect a client that has joined."""
        async with connect(self.application, path) as client:
            early = []
            while (message := await client.recv()) != "joined":
                assert message is not None, client.close_code
                early.append(message)
            yield Client(client, early)

    async def __aenter__(self) -> "Site":
        await lifespan_of(self.registry).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await lifespan_of(self.registry).stop()


class Client:
    """A client, and the messages that arrived before it had joined."""

    def __init__(self, client: WebSocketClient, early: list[Any]) -> None:
        self._early = early
        self.ws = client

    async def recv(self) -> Any:
        return self._early.pop(0) if self._early else await self.ws.recv()

    async def take(self, count: int) -> list[Any]:
        return [await self.recv() for _ in range(count)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ws, name)


@pytest.fixture
def site(loop_factory: Any) -> Callable[..., Site]:
    """Make an application with groups: ``async with site() as site``."""
    return Site


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for a condition; the test's own time limit ends the wait if it never comes."""

    async def until(condition: Callable[[], Any]) -> None:
        while not condition():
            await asyncio.sleep(0.002)

    return until


@pytest.fixture
def members_become() -> Callable[..., Any]:
    """Wait until a group has these members: those of another worker are known a little later."""

    async def members_become(group: Group, *names: str) -> None:
        while sorted(await group.members()) != list(names):
            await asyncio.sleep(0.002)

    return members_become
