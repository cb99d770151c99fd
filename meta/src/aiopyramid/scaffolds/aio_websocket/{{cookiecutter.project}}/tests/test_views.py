"""Views without a server."""

import pytest
from aiopyramid_websocket.testing import connect
from pyramid.request import Request
from pyramid.testing import DummyRequest

from {{ cookiecutter.package }} import main
from {{ cookiecutter.package }}.views import echo, home

SETTINGS = {"pyramid.includes": "aiopyramid pyramid_jinja2"}


@pytest.mark.in_bridge
async def test_a_view_is_a_coroutine_function() -> None:
    assert await home(DummyRequest()) == {"title": "{{ cookiecutter.project }}", "seconds": 0.1}


def test_the_page_opens_the_websocket() -> None:
    response = Request.blank("/").get_response(main({}, **SETTINGS))

    assert 'new URL("/echo", location)' in response.text


@pytest.mark.in_bridge
async def test_the_websocket_sends_back_what_it_receives() -> None:
    async with connect(echo) as client:
        for message in ("hello", b"\x00\x01"):
            await client.send(message)
            assert await client.recv() == message


@pytest.mark.in_bridge
async def test_the_application_has_the_websocket() -> None:
    async with connect(main({}, **SETTINGS), "/echo") as client:
        await client.send("hello")
        assert await client.recv() == "hello"
