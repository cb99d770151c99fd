"""acceptance: the application's answer to an opening handshake. Served: served/."""

import asyncio
import types

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPForbidden
from pyramid.response import Response

from aiopyramid_core import call_in_thread, synchronize
from aiopyramid_websocket import InvalidAcceptance, WebSocketMapper, websocket_config
from aiopyramid_websocket.testing import HandshakeRejected, connect

pytestmark = pytest.mark.usefixtures("loop_factory")


async def echo(ws):
    await ws.send(str(ws.subprotocol))
    async for message in ws:
        await ws.send(message)


def application(accept, **options):
    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("echo", "/")
    config.add_websocket_view(echo, route_name="echo", accept=accept, **options)
    return config.make_wsgi_app()


async def first_message(application, **options):
    async with connect(application, **options) as client:
        return await client.recv()


async def test_none_accepts_with_the_subprotocols_of_the_view():
    async def accept(request):
        await asyncio.sleep(0)

    served = application(accept, subprotocols=["b", "a"])
    assert await first_message(served, subprotocols=["a", "b"]) == "b"
    assert await first_message(served) == "None"


async def test_a_name_chooses_the_subprotocol():
    async def accept(request):
        return "chosen"

    served = application(accept, subprotocols=["b", "a"])
    async with connect(served, subprotocols=["b", "chosen"]) as client:
        assert client.subprotocol == "chosen"
        assert await client.recv() == "chosen"


async def test_a_name_that_the_client_does_not_offer_is_an_error():
    async def accept(request):
        return "chosen"

    with pytest.raises(
        InvalidAcceptance, match="'chosen', expected one that the client offers: ''"
    ):
        await first_message(application(accept))


async def test_fields_of_the_response_are_those_of_the_101():
    async def accept(request):
        request.response.headers["X-Room"] = "7"
        request.response.set_cookie("seen", "yes")

    async with connect(application(accept)) as client:
        headers = client.response.headers
    assert headers["X-Room"] == "7"
    assert headers["Set-Cookie"].startswith("seen=yes")
    assert "Content-Type" not in headers


@pytest.mark.parametrize("name", ["Upgrade", "Connection", "Sec-WebSocket-Protocol"])
async def test_fields_of_the_handshake_cannot_be_set(name):
    async def accept(request):
        request.response.headers[name] = "x"

    with pytest.raises(InvalidAcceptance, match=f"set the header field {name}"):
        await first_message(application(accept))


async def test_a_response_refuses():
    async def accept(request):
        return Response("not today", status=418)

    with pytest.raises(HandshakeRejected) as refused:
        await first_message(application(accept))
    response = refused.value.response
    assert (response.status_code, response.text) == (418, "not today")


async def test_an_http_exception_refuses():
    async def accept(request):
        raise HTTPForbidden("members only")

    with pytest.raises(HandshakeRejected) as refused:
        await first_message(application(accept))
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("answer", [True, Response(status=101)])
async def test_any_other_answer_is_an_error(answer):
    async def accept(request):
        return answer

    with pytest.raises(InvalidAcceptance, match="accept"):
        await first_message(application(accept))


async def test_a_page_of_another_site_is_refused_before():
    asked = []

    async def accept(request):
        asked.append(request)

    served = application(accept)
    with pytest.raises(HandshakeRejected, match="403"):
        await first_message(served, headers={"Origin": "https://evil.example"})
    assert asked == []


async def test_handshakes_that_wait_do_not_exceed_the_limit():
    gate = asyncio.Event()

    async def accept(request):
        await gate.wait()

    served = application(accept, max_connections=1)
    both = [asyncio.create_task(first_message(served)) for _ in range(2)]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(each).__name__ for each in results) == ["HandshakeRejected", "str"]


async def test_a_handshake_in_a_thread_is_asked_on_the_loop():
    loops = []

    async def accept(request):
        loops.append(asyncio.get_running_loop())

    inner = application(accept)
    in_thread = synchronize(call_in_thread)
    assert await first_message(lambda *args: in_thread(None, inner, *args)) == "None"
    assert loops == [asyncio.get_running_loop()]


def test_it_must_be_a_coroutine_function():
    with pytest.raises(ConfigurationError, match=r"option accept: .*expected a coroutine function"):
        WebSocketMapper.configure(accept=lambda request: None)


def test_a_mapper_keeps_it_when_it_is_configured_further():
    async def accept(request):
        raise AssertionError

    mapper = WebSocketMapper.configure(accept=accept).configure(max_size=7)
    assert mapper.accept is accept
    assert WebSocketMapper.accept is None


async def turn_away(request):
    raise HTTPForbidden


async def test_a_dotted_name_is_resolved(monkeypatch):
    monkeypatch.setattr("json.turn_away", turn_away, raising=False)
    with pytest.raises(HandshakeRejected, match="403"):
        await first_message(application("json.turn_away"))


async def test_the_decorator_takes_it():
    @websocket_config(route_name="echo", accept=turn_away)
    class View:
        def __init__(self, request):
            raise AssertionError

        async def __call__(self, ws):
            raise AssertionError

    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_route("echo", "/")
    scanned = types.SimpleNamespace(__name__=__name__, View=View)
    config.scan(scanned)
    with pytest.raises(HandshakeRejected, match="403"):
        await first_message(config.make_wsgi_app())
