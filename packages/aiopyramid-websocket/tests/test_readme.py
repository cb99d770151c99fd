"""README.md: its code runs, one block after the other, the tests in it included."""

import asyncio
from pathlib import Path

import pytest
from document_code import code_blocks, run_as_module
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_websocket import websocket_config
from aiopyramid_websocket.testing import HandshakeRejected, connect

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.usefixtures("loop_factory")

ROUTES = ("echo", "shout", "chat", "club", "upload", "secret", "news")


class Policy:
    """Lets nobody do what needs a permission."""

    def permits(self, request, context, permission):
        return False


async def next_headline():
    await asyncio.sleep(0)
    return "Nothing new"


async def is_member(request):
    return "member" in request.cookies


async def club(ws):
    await ws.send("welcome")


@pytest.fixture
def code(tmp_path, monkeypatch):
    config = Configurator(autocommit=True)
    for name in ROUTES:
        config.add_route(name, f"/{name}")
    given = {
        "asyncio": asyncio,
        "club": club,
        "config": config,
        "is_member": is_member,
        "next_headline": next_headline,
        "pytest": pytest,
        "websocket_config": websocket_config,
    }
    code = run_as_module(code_blocks(README), tmp_path, monkeypatch, **given)
    # The view ``echo`` is declared twice: by its decorator, and with an option by the other way.
    config.scan(code, ignore=lambda name: name.endswith(".echo"))
    config.set_security_policy(Policy())
    config.add_view(lambda request: Response(), route_name="secret", permission="read")
    code.application = config.make_wsgi_app()
    return code


async def test_its_tests_pass(code):
    await code.test_the_echo()
    await code.test_strangers_are_turned_away()


async def test_an_option_limits_what_a_view_receives(code):
    async with connect(code.application, "/echo") as client:
        await client.send("a" * 4096)
        assert await client.recv() == "a" * 4096
        await client.send("a" * 4097)
        assert await client.recv() is None
        assert client.close_code == 1009


async def test_a_class_is_an_endpoint(code, capsys):
    async with connect(code.application, "/shout") as client:
        await client.send("hello")
        assert await client.recv() == "HELLO"
    opened, closed = capsys.readouterr().out.splitlines()
    assert opened.startswith("/shout ")
    assert closed == "1000"


async def test_a_subprotocol_is_negotiated(code):
    async with connect(code.application, "/chat", subprotocols=["chat.v1", "chat.v2"]) as client:
        assert client.subprotocol == "chat.v2"


async def test_a_handshake_is_refused_or_accepted_with_a_cookie(code):
    with pytest.raises(HandshakeRejected, match="403"):
        async with connect(code.application, "/club"):
            pass
    async with connect(code.application, "/club", headers={"Cookie": "member=1"}) as client:
        assert client.response.headers["Set-Cookie"].startswith("seen=yes")
        assert await client.recv() == "welcome"


async def test_a_view_does_without_compression(code):
    async with connect(code.application, "/upload", compression="deflate") as client:
        assert "Sec-WebSocket-Extensions" not in client.response.headers
    async with connect(code.application, "/shout", compression="deflate") as client:
        assert "Sec-WebSocket-Extensions" in client.response.headers


async def test_a_task_group_that_ends_with_the_connection_has_not_failed(code, caplog):
    async with connect(code.application, "/news") as client:
        assert await client.recv() == "Nothing new"
    assert caplog.records == []
