"""_observed: observers are told of open connections, whose messages are counted."""

import asyncio
from typing import Any

import pytest
from pyramid.config import Configurator

from aiopyramid_core.observing import Observer, add_observer, remove_observer
from aiopyramid_websocket import Broadcast, WebSocketMapper
from aiopyramid_websocket._connection import Connection
from aiopyramid_websocket.testing import connect

pytestmark = pytest.mark.usefixtures("loop_factory")


class Connections(Observer):
    def __init__(self) -> None:
        self.opened: list[Any] = []
        self.closed: list[Any] = []

    def connection_opened(self, connection: Any) -> None:
        self.opened.append(connection)

    def connection_closed(self, connection: Any) -> None:
        self.closed.append(connection)


@pytest.fixture
def connections():
    observer = Connections()
    add_observer(observer)
    yield observer
    remove_observer(observer)


def build(view):
    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("room", "/room")
    config.add_view(view, route_name="room", mapper=WebSocketMapper)
    return config.make_wsgi_app()


async def test_messages_and_their_bytes_are_counted_each_way(connections):
    async def room(ws):
        await ws.send("größe")
        await ws.recv()
        ws.post(b"1234")
        ws.post(Broadcast("news"))
        await ws.send(["in ", "parts"])
        async for _ in ws:
            pass

    async with connect(build(room), "/room") as client:
        assert await client.recv() == "größe"
        await client.send("four")
        for _ in range(3):
            await client.recv()
        (connection,) = connections.opened
        assert (connection.kind, connection.path) == ("websocket", "/room")
        assert "room" in connection.name
        assert (connection.received_messages, connection.received_bytes) == (1, 4)
        assert (connection.sent_messages, connection.sent_bytes) == (4, 7 + 4 + 4 + 8)
        assert connection.close_code is None
    async with asyncio.timeout(20):
        while not connections.closed:
            await asyncio.sleep(0.01)
    assert connections.closed == [connection]
    assert connection.close_code == 1000


async def test_what_waits_for_the_handler_is_shown(connections):
    go_on = asyncio.Event()

    async def room(ws):
        await go_on.wait()
        await ws.recv()

    async with connect(build(room), "/room") as client:
        try:
            await client.send("one")
            await client.send("two")
            async with asyncio.timeout(20):
                while not (connections.opened and connections.opened[0].queued == 2):
                    await asyncio.sleep(0.01)
            assert not connections.opened[0].is_slow
        finally:
            go_on.set()


async def test_without_an_observer_a_handler_gets_the_connection_itself():
    kinds = []

    async def room(ws):
        kinds.append(type(ws._connection))

    async with connect(build(room), "/room"):
        pass
    assert kinds == [Connection]
