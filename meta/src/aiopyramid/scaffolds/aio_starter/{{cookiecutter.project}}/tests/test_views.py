import asyncio

from pyramid.request import Request
from pyramid.testing import DummyRequest

from {{ cookiecutter.package }} import main
from {{ cookiecutter.package }}.views import say_hello


def test_a_view_is_a_coroutine_function():
    assert asyncio.run(say_hello(DummyRequest())) == "Welcome to Pyramid with asyncio."


def test_the_application_says_hello():
    application = main({}, **{"pyramid.includes": "aiopyramid"})

    response = Request.blank("/").get_response(application)

    assert response.text == "Welcome to Pyramid with asyncio."
