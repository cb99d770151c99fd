"""in_server_thread: requests in the threads of a synchronous WSGI server."""

import subprocess
import sys
from contextvars import ContextVar

import pytest
from pyramid.config import Configurator
from pyramid.request import Request as PyramidRequest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import can_await, synchronize

colour: ContextVar[str] = ContextVar("colour", default="none")


@synchronize
async def name_of(number):
    return f"number {number}"


def make_app(view, configure=lambda config: None):
    with Configurator() as config:
        config.include("aiopyramid_core")
        config.add_view(view)
        configure(config)
        return config.make_wsgi_app()


def get(app):
    return Request.blank("/").get_response(app)


def test_the_generator_body_of_a_view_may_await():
    def view(request):
        return Response(app_iter=(name_of(i).encode() for i in range(2)))

    assert get(make_app(view)).body == b"number 0number 1"


def test_a_body_is_closed_in_the_context_of_its_request():
    closed_in = []

    class Body:
        def __iter__(self):
            return iter([b"red"])

        def close(self):
            closed_in.append((colour.get(), name_of(1)))

    def view(request):
        colour.set("red")
        return Response(app_iter=Body())

    assert get(make_app(view)).body == b"red"  # which closes the body when it is read
    assert closed_in == [("red", "number 1")]


def test_a_list_is_passed_on_as_it_is():
    bodies = []

    def view(request):
        response = Response("hello")
        bodies.append(response.app_iter)
        return response

    assert get(make_app(view)).app_iter is bodies[0]


def test_an_execution_policy_may_await():
    def policy(environ, router):
        greeting = name_of(7)
        with router.request_context(environ) as request:
            response = router.invoke_request(request)
        response.headers["X-Policy"] = greeting
        return response

    app = make_app(
        lambda request: Response("hello"), lambda config: config.set_execution_policy(policy)
    )
    assert get(app).headers["X-Policy"] == "number 7"


def test_the_request_factory_may_await():
    def factory(environ):
        request = PyramidRequest(environ)
        request.greeting = name_of(3)
        return request

    app = make_app(
        lambda request: Response(request.greeting),
        lambda config: config.set_request_factory(factory),
    )
    assert get(app).text == "number 3"


@pytest.mark.parametrize("order", [0, 1])
def test_what_a_request_sets_in_its_context_the_next_one_of_the_thread_does_not_see(order):
    def view(request):
        before = colour.get()
        colour.set("red")
        return Response(before)

    app = make_app(view)
    assert [get(app).text, get(app).text][order] == "none"


def test_after_the_request_its_thread_cannot_await_any_more():
    get(make_app(lambda request: Response("hello")))
    assert not can_await()


def test_an_application_that_never_awaits_starts_no_event_loop():
    code = (
        "import threading, warnings; warnings.simplefilter('ignore')\n"
        "from pyramid.config import Configurator\n"
        "from pyramid.response import Response\n"
        "from webob import Request\n"
        "with Configurator() as config:\n"
        "    config.include('aiopyramid_core')\n"
        "    config.add_view(lambda request: Response('hello'))\n"
        "    app = config.make_wsgi_app()\n"
        "assert Request.blank('/').get_response(app).text == 'hello'\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
