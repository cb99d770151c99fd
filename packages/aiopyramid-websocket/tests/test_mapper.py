"""mapper: the limit of connections while handshakes are under way, and requests in threads."""

import asyncio
import sys
import threading
import types

import pytest
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core import call_in_thread, synchronize
from aiopyramid_core.servers import on_a_loop
from aiopyramid_websocket._session import Session
from aiopyramid_websocket._watch import Watch, watch_of
from aiopyramid_websocket.testing import HandshakeRejected, connect

gates = {}

HANDSHAKE = {
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
}


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


# --- Requests in threads --------------------------------------------------------------------------


@pytest.mark.parametrize("refuse", [False, True])
async def test_what_concerns_the_connection_happens_on_the_loop(application, monkeypatch, refuse):
    happened = []

    def noted(owner, name):
        method = getattr(owner, name)

        def noting(*args, **kwargs):
            happened.append((name, on_a_loop()))
            return method(*args, **kwargs)

        monkeypatch.setattr(owner, name, noting)

    class Expected(set):
        pass

    noted(Watch, "expect")
    noted(Session, "__init__")
    noted(Expected, "discard")
    watch_of(application.registry).expected = Expected()
    upgraded = []

    def upgrade(protocol):
        happened.append(("upgrade", on_a_loop()))
        upgraded.append(protocol)

    request = Request.blank(
        "/?refuse" if refuse else "/", environ=HANDSHAKE | {"aiopyramid.upgrade": upgrade}
    )
    response = await call_in_thread(None, request.get_response, application)
    assert response.status_code == (418 if refuse else 101)
    for protocol in upgraded:
        protocol.connection_lost(None)
    while "discard" not in dict(happened):
        await asyncio.sleep(0)
    assert {name for name, _ in happened} >= {"expect", "__init__", "discard"}
    assert ("upgrade" in dict(happened)) is not refuse
    assert all(on_the_loop for _, on_the_loop in happened)


def test_where_the_server_has_no_websockets_no_loop_is_started(application):
    threads = {thread.name for thread in threading.enumerate()}
    assert Request.blank("/", environ=HANDSHAKE).get_response(application).status_code == 501
    assert {thread.name for thread in threading.enumerate()} == threads
