"""wsgi_only: calls by another protocol than WSGI. Real servers: tests/integration."""

import asyncio

import pytest
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core.exceptions import NotWSGI

LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}
HTTP = {"type": "http", "asgi": {"version": "3.0"}}
WORDS = "A Pyramid application is a WSGI application"


@pytest.fixture
def app(application):
    return application(lambda config: config.add_view(lambda request: Response("hello")))


def by_asgi_3(app, scope):
    return lambda receive, send: app(scope, receive, send)


def by_asgi_2(app, scope):
    return app(scope)


def by_asgi_2_of_a_factory(app, scope):
    return app


@pytest.fixture(params=[by_asgi_3, by_asgi_2, by_asgi_2_of_a_factory])
def call(request, app):
    """Call the application as a server of some version of ASGI; return what it has sent."""

    def call(scope, first):
        sent = []

        async def receive():
            return {"type": first}

        async def send(message):
            sent.append(message)

        async def serve():
            await request.param(app, scope)(receive, send)

        asyncio.run(serve())
        return sent

    return call


def test_a_lifespan_of_asgi_fails_with_what_to_do(call):
    (message,) = call(LIFESPAN, "lifespan.startup")
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith(WORDS)
    assert "gunicorn -k aiopyramid_gunicorn.worker.AsyncGunicornWorker" in message["message"]


@pytest.mark.parametrize("first", ["http.request", "websocket.connect"])
def test_a_request_by_asgi_fails_with_what_to_do(call, first):
    with pytest.raises(NotWSGI, match=WORDS):
        call(HTTP, first)


def test_a_call_with_something_else_in_the_place_of_an_environ_is_refused(app):
    with pytest.raises(NotWSGI, match=WORDS):
        app(object(), object())  # as granian calls by RSGI


def test_a_call_without_start_response_is_a_type_error_as_in_plain_pyramid(app):
    with pytest.raises(TypeError):
        app(Request.blank("/").environ)
