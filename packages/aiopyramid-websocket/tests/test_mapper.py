"""mapper: the limit of connections, while handshakes are still under way."""

import asyncio
import sys
import types

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core import synchronize
from aiopyramid_websocket._watch import watch_of
from aiopyramid_websocket.testing import HandshakeRejected, connect

gates = {}


def tween_factory(handler, registry):
    @synchronize
    async def wait(gate):
        await gate.wait()

    def tween(request):
        response = handler(request)
        if request.GET.get("gate"):
            wait(gates[request.GET["gate"]])
        if "refuse" in request.GET:
            return Response(status=418)
        if "fail" in request.GET:
            raise LookupError("a bug")
        return response

    return tween


async def echo(ws):
    async for message in ws:
        await ws.send(message)


@pytest.fixture
def application(loop_factory, monkeypatch):
    config = Configurator(settings={"aiopyramid.websocket.max_connections": "2"})
    config.include("aiopyramid_websocket")
    config.add_route("echo", "/")
    config.add_websocket_view(echo, route_name="echo")
    # Tweens are added by dotted name; pytest gives this module one that cannot be imported.
    module = types.ModuleType("tweens_of_this_test")
    module.factory = tween_factory
    monkeypatch.setitem(sys.modules, module.__name__, module)
    config.add_tween("tweens_of_this_test.factory")
    return config.make_wsgi_app()


async def test_handshakes_under_way_count(application):
    gate = gates["a"] = asyncio.Event()

    async def open_and_close():
        async with connect(application, "/?gate=a") as client:
            await client.send("x")
            return await client.recv()

    first = [asyncio.create_task(open_and_close()) for _ in range(2)]
    while len(watch_of(application.registry)) < 2:
        await asyncio.sleep(0)
    with pytest.raises(HandshakeRejected, match="503"):
        async with connect(application):
            pass
    gate.set()
    assert await asyncio.gather(*first) == ["x", "x"]
    async with connect(application) as client:
        await client.send("y")
        assert await client.recv() == "y"


@pytest.mark.parametrize(
    ("path", "error"), [("/?refuse", HandshakeRejected), ("/?fail", LookupError)]
)
async def test_a_handshake_that_comes_to_nothing_does_not_count(application, path, error):
    for _ in range(3):
        with pytest.raises(error):
            async with connect(application, path):
                pass
    assert len(watch_of(application.registry)) == 0


async def test_a_connection_that_is_closed_does_not_count(application):
    for _ in range(3):
        async with connect(application):
            assert len(watch_of(application.registry)) == 1
    assert len(watch_of(application.registry)) == 0
