"""Views without a server."""

import pytest
from pyramid.request import Request
from pyramid.testing import DummyRequest

from {{ cookiecutter.package }} import main
from {{ cookiecutter.package }}.views import say_hello


@pytest.mark.in_bridge
async def test_a_view_is_a_coroutine_function() -> None:
    assert await say_hello(DummyRequest()) == "Welcome to Pyramid with asyncio."


def test_the_application_says_hello() -> None:
    application = main({}, **{"pyramid.includes": "aiopyramid"})

    response = Request.blank("/").get_response(application)

    assert response.text == "Welcome to Pyramid with asyncio."


def test_the_site_has_an_icon() -> None:
    application = main({}, **{"pyramid.includes": "aiopyramid"})

    response = Request.blank("/favicon.ico").get_response(application)

    assert response.content_type == "image/svg+xml"
