"""WebSocket views, written as the documentation of aiopyramid 0.2 to 0.4 says."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid.websocket.config import UWSGIWebsocketMapper, WebsocketMapper
from aiopyramid.websocket.config.gunicorn import WebsocketMapper as ForGunicorn
from aiopyramid.websocket.config.uwsgi import UWSGIWebsocketMapper as ForUWSGI
from aiopyramid.websocket.exceptions import WebsocketClosed
from aiopyramid.websocket.helpers import ignore_websocket_closed
from aiopyramid.websocket.view import WebsocketConnectionView
from aiopyramid_uwsgi.websocket import NativeWebSocket
from aiopyramid_websocket.testing import connect

MAPPERS = pytest.mark.parametrize("mapper", [WebsocketMapper, UWSGIWebsocketMapper])


def echo(ws):
    while True:
        message = yield from ws.recv()
        if message is None:
            break
        yield from ws.send(message)


async def echo_by_iteration(ws):
    async for message in ws:
        await ws.send(message)


def talk(view, *messages, **options):
    """Send messages to a view, and return its answers."""

    async def main():
        config = Configurator()
        config.include("aiopyramid")
        config.add_route("ws", "/ws")
        config.add_view(view, route_name="ws", **options)
        async with asyncio.timeout(20):
            async with connect(ignore_websocket_closed(config.make_wsgi_app()), "/ws") as client:
                answers = []
                for message in messages:
                    await client.send(message)
                    answers.append(await client.recv())
                return answers

    return asyncio.run(main())


@MAPPERS
def test_a_generator_function_may_be_a_view(mapper):
    assert talk(echo, "text", b"bytes", mapper=mapper) == ["text", b"bytes"]


@MAPPERS
def test_a_class_may_be_a_view(mapper):
    class Echo(WebsocketConnectionView):
        __view_mapper__ = mapper

        def on_open(self):
            yield from asyncio.sleep(0)
            self.count = 0

        def on_message(self, message):
            self.count += 1
            yield from self.send(f"{self.count}: {message}")

        def on_close(self):
            yield from asyncio.sleep(0)

    assert talk(Echo, "a", "b") == ["1: a", "2: b"]


@pytest.mark.parametrize("view", [echo, echo_by_iteration])
@pytest.mark.parametrize(
    ("mapper", "flag", "value"),
    [
        (WebsocketMapper, "use_bytes", True),
        (UWSGIWebsocketMapper, "use_str", False),
        (UWSGIWebsocketMapper, "use_bytes", True),
    ],
)
def test_a_flag_on_the_mapper_makes_all_messages_bytes(monkeypatch, view, mapper, flag, value):
    monkeypatch.setattr(mapper, flag, value)
    assert talk(view, "grün", b"bytes", mapper=mapper) == ["grün".encode(), b"bytes"]


def test_a_flag_on_a_mapper_of_ones_own_is_for_its_views_only():
    class Mine(WebsocketMapper):
        use_bytes = True

    assert talk(echo, "text", mapper=Mine) == [b"text"]
    assert talk(echo, "text", mapper=WebsocketMapper) == ["text"]


def test_the_flags_are_for_mappers_with_options_as_well(monkeypatch):
    monkeypatch.setattr(WebsocketMapper, "use_bytes", True)
    assert talk(echo, "text", mapper=WebsocketMapper.configure(max_size=99)) == [b"text"]


def test_uwsgis_native_functions_have_a_websocket_of_their_own_whatever_the_flag(monkeypatch):
    monkeypatch.setattr(UWSGIWebsocketMapper, "use_str", False)
    mapper = UWSGIWebsocketMapper.configure(native=True)
    assert mapper().websocket_class() is NativeWebSocket


def test_the_mappers_have_two_paths_each():
    assert ForGunicorn is WebsocketMapper
    assert ForUWSGI is UWSGIWebsocketMapper


def test_a_closed_websocket_can_be_kept_from_the_servers_log():
    def application(environ, start_response):
        raise WebsocketClosed(1000)

    assert list(ignore_websocket_closed(application)({}, None)) == []


def test_other_responses_pass_through():
    application = ignore_websocket_closed(Response("page"))
    assert Request.blank("/").get_response(application).text == "page"
