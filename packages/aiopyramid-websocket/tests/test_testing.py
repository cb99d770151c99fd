"""testing: WebSocket views without a server, and by way of it the views' shapes."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request
from pyramid.response import Response
from websocket_wire import HANDSHAKE

from aiopyramid_websocket import WebSocketClosed, WebSocketConnectionView, WebSocketMapper
from aiopyramid_websocket.testing import HandshakeRejected, connect

pytestmark = pytest.mark.usefixtures("loop_factory")


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def build(**views):
    """Return an application with a view for each path."""
    config = Configurator()
    config.include("aiopyramid_websocket")
    for name, view in views.items():
        config.add_route(name, f"/{name}/{{word}}")
        config.add_websocket_view(view, route_name=name)
    return config.make_wsgi_app()


# --- What the kit does ----------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_a_view_is_driven_without_a_server(loop_factory, compression):
    async with connect(echo, compression=compression) as client:
        for message in ("hello", b"\x00", "x" * 500_000):
            await client.send(message)
            assert await client.recv() == message
    assert client.close_code == 1000


async def test_an_application_is_driven_with_its_routes(loop_factory):
    async def greet(request, ws):
        await ws.send(f"{request.matchdict['word']} {request.GET['q']} {request.headers['X-A']}")

    async with connect(build(greet=greet), "/greet/hello?q=1", headers={"X-A": "2"}) as client:
        assert await client.recv() == "hello 1 2"
        assert await client.recv() is None


async def test_what_is_not_answered_with_101_is_an_exception_with_the_response(loop_factory):
    with pytest.raises(HandshakeRejected, match="answered with 404 Not Found") as raised:
        async with connect(build(), "/nowhere"):
            pass
    assert raised.value.response.status_code == 404


async def test_subprotocols_are_negotiated(loop_factory):
    class View(WebSocketConnectionView):
        __view_mapper__ = WebSocketMapper.configure(subprotocols=["a", "b"])

    async with connect(View, subprotocols=["b", "a"]) as client:
        assert client.subprotocol == "a"
        assert client.response.headers["Sec-WebSocket-Protocol"] == "a"


async def test_the_handler_has_ended_at_the_end_of_the_block(loop_factory):
    done = []

    async def slow_to_go(ws):
        await ws.recv()
        await asyncio.sleep(0.01)
        done.append(True)

    async with connect(slow_to_go):
        assert not done
    assert done


async def test_back_pressure_works_in_memory_too(loop_factory):
    async def flood(ws):
        for _ in range(20):
            await ws.send("x" * 100_000)

    async with connect(flood) as client:
        messages = [message async for message in client]
    assert [len(message) for message in messages] == [100_000] * 20


# --- Views of every shape -------------------------------------------------------------------------


async def test_a_class_is_told_what_happens(loop_factory):
    told = []

    class View(WebSocketConnectionView):
        def on_open(self):  # a synchronous method
            told.append(("open", self.request.path, self.context.__class__.__name__))
            return self.send("welcome")

        async def on_message(self, message):  # a coroutine
            told.append(message)
            await self.send(message.upper())

        def on_close(self):  # a generator
            told.append(("closed", self.ws.close_code))
            yield from asyncio.sleep(0).__await__()
            told.append("done")

    async with connect(View) as client:
        assert await client.recv() == "welcome"
        await client.send("hello")
        assert await client.recv() == "HELLO"
        await client.close(3000)
    assert told == [("open", "/", "DefaultRootFactory"), "hello", ("closed", 3000), "done"]


async def test_a_view_class_may_answer_over_http(loop_factory):
    class View(WebSocketConnectionView):
        def __init__(self, context, request):
            super().__init__(context, request)
            raise HTTPForbidden

    with pytest.raises(HandshakeRejected, match="403"):
        async with connect(View):
            pass


async def test_a_class_may_have_other_methods_and_take_the_request_only(loop_factory):
    class View:
        def __init__(self, request):
            self.request = request

        async def talk(self, ws):
            await ws.send(self.request.path)

    config = Configurator()
    config.include("aiopyramid_websocket")
    config.add_websocket_view(View, attr="talk")
    async with connect(config.make_wsgi_app()) as client:
        assert await client.recv() == "/"


async def test_on_close_is_called_when_another_method_has_failed(loop_factory, caplog):
    told = []

    class View(WebSocketConnectionView):
        async def on_message(self, message):
            raise LookupError("a bug")

        def on_close(self):
            told.append(self.ws.closed)

    async with connect(View) as client:
        await client.send("x")
        assert await client.recv() is None
        assert (client.close_code, client.close_reason) == (1011, "internal error")
    assert told == [False]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [LookupError]


@pytest.mark.parametrize(
    "view", [lambda ws: None, print, Response, type("View", (), {"__call__": lambda self, ws: 1})]
)
def test_a_synchronous_function_is_refused_when_it_is_configured(view):
    with pytest.raises(ConfigurationError, match=r"it is not a coroutine\. Declare it with"):
        WebSocketMapper()(view)


def test_a_coroutine_with_other_arguments_is_refused():
    async def view(a, b, c, d):
        pass

    with pytest.raises(ConfigurationError, match=r"it must take \(ws\), \(request, ws\) or"):
        WebSocketMapper()(view)


# --- How handlers end -----------------------------------------------------------------------------


async def test_the_end_of_another_connection_is_an_error_of_the_handler(loop_factory, caplog):
    async def sends_elsewhere(ws):
        raise WebSocketClosed(1001)  # as another connection's send() does

    async with connect(sends_elsewhere) as client:
        assert await client.recv() is None
        assert client.close_code == 1011
    assert "WebSocketClosed" in caplog.text


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_a_handler_does_not_end_the_process(loop_factory, caplog, error):
    async def leaves(ws):
        raise error

    async with connect(leaves) as client:
        assert await client.recv() is None
        assert client.close_code == 1011
    assert "The WebSocket handler" in caplog.text


async def test_a_finished_callback_that_fails_does_not_prevent_the_others(loop_factory, caplog):
    called = []

    async def view(request, ws):
        request.add_finished_callback(lambda request: called.append(1 / 0))
        request.add_finished_callback(lambda request: called.append(request))

    async with connect(view) as client:
        assert await client.recv() is None
    assert len(called) == 1
    assert "A finished callback of" in caplog.text


# --- Servers that cannot --------------------------------------------------------------------------


def test_a_server_without_the_capability_is_501_and_the_log_says_what_to_install(caplog):
    environ = {"SERVER_PROTOCOL": "HTTP/1.1"}
    response = Request.blank("/ws/x", environ, headers=HANDSHAKE).get_response(build(ws=echo))
    assert response.status_code == 501
    assert "its log says why" in response.text
    assert "/ws/x is a WebSocket, but this server cannot serve it" in caplog.text
    assert "install aiopyramid-gunicorn" in caplog.text


def test_an_ordinary_get_is_426_on_any_server_and_nothing_is_logged(caplog):
    from webtest import TestApp

    response = TestApp(build(ws=echo)).get("/ws/x", status=426)
    assert "use a WebSocket client" in response.text
    assert caplog.text == ""


def test_without_the_include_the_error_says_what_is_missing():
    from webtest import TestApp

    config = Configurator()
    config.add_view(echo, mapper=WebSocketMapper)
    with pytest.raises(ConfigurationError, match=r"needs config\.include\('aiopyramid_websocket'"):
        TestApp(config.make_wsgi_app()).get("/")
