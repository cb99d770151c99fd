import asyncio

from pyramid.request import Request
from pyramid.testing import DummyRequest

from aiopyramid_websocket.testing import connect

from {{ cookiecutter.package }} import main
from {{ cookiecutter.package }}.views import echo, home

SETTINGS = {"pyramid.includes": "aiopyramid pyramid_jinja2"}


def test_a_view_is_a_coroutine_function():
    assert asyncio.run(home(DummyRequest())) == {
        "title": "{{ cookiecutter.project }}",
        "seconds": 0.1,
    }


def test_the_page_opens_the_websocket():
    response = Request.blank("/").get_response(main({}, **SETTINGS))

    assert 'new URL("/echo", location)' in response.text


def test_the_websocket_sends_back_what_it_receives():
    async def talk():
        async with connect(echo) as client:
            for message in ("hello", b"\x00\x01"):
                await client.send(message)
                assert await client.recv() == message

    asyncio.run(talk())


def test_the_application_has_the_websocket():
    async def talk():
        async with connect(main({}, **SETTINGS), "/echo") as client:
            await client.send("hello")
            return await client.recv()

    assert asyncio.run(talk()) == "hello"
