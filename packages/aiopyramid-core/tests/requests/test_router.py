"""router: Pyramid's router with the additions of this package."""

import io

import pytest
from pyramid.interfaces import IRequestExtensions
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router

from aiopyramid_core._requests.router import extend_router
from aiopyramid_core.contract import BODY_IN_MEMORY


def add_properties(config):
    config.add_request_method(lambda request: request.params["name"], "name", reify=True)
    config.add_request_method(lambda request, word: f"{word}, {request.name}", "greet")
    config.add_view(lambda request: Response(request.greet("hello")))


@pytest.fixture
def app(application):
    return application(add_properties)


def test_a_call_by_wsgi_is_pyramids(app):
    assert isinstance(app, Router)
    assert Request.blank("/?name=Ada").get_response(app).text == "hello, Ada"


def test_a_router_of_a_class_of_its_own_is_left_alone(app):
    class Own(Router):
        """Of the application."""

    own = Own(app.registry)
    extend_router(own)
    assert type(own) is Own
    assert Request.blank("/?name=Ada").get_response(own).text == "hello, Ada"


def test_the_properties_of_plain_pyramid_are_left_to_it(app):
    extensions = app.registry.queryUtility(IRequestExtensions)
    extensions.descriptors = dict(extensions.descriptors)
    router = Router(app.registry)
    assert Request.blank("/?name=Ada").get_response(router).text == "hello, Ada"


def test_an_application_without_properties_has_plain_requests(application):
    app = application(lambda config: config.add_view(lambda request: Response("plain")))
    assert Request.blank("/").get_response(app).text == "plain"


def test_all_requests_have_the_properties_each_with_its_own_values(app):
    names = ["Ada", "Grace", "Ada"]
    texts = [Request.blank(f"/?name={name}").get_response(app).text for name in names]
    assert texts == [f"hello, {name}" for name in names]


def test_requests_share_a_class(app):
    environ = Request.blank("/").environ
    first, second = (app.request_context({**environ}).request for _ in range(2))
    assert type(first) is type(second) is not Request


def test_a_subrequest_has_the_properties(app):
    with app.request_context(Request.blank("/").environ) as request:
        subrequest = Request.blank("/?name=Grace")
        assert request.invoke_subrequest(subrequest, use_tweens=True).text == "hello, Grace"


def test_the_class_is_that_of_the_request_factory(application):
    class Own(Request):
        @property
        def shout(self):
            return self.name.upper()

    def add(config):
        config.set_request_factory(Own)
        config.add_request_method(lambda request: "Ada", "name", property=True)
        config.add_view(lambda request: Response(request.shout))

    assert Request.blank("/").get_response(application(add)).text == "ADA"


# --- Bodies ---------------------------------------------------------------------------------------


@pytest.fixture
def environ():
    """The environ of a request as a server makes it that has received the body into memory."""
    environ = Request.blank("/", method="POST", body=b'{"a": 1}').environ
    del environ["webob.is_body_seekable"]
    environ[BODY_IN_MEMORY] = environ["wsgi.input"]
    return environ


def test_a_body_in_memory_is_not_copied(app, environ):
    given = environ["wsgi.input"]
    request = app.request_context(environ).request
    assert (request.json_body, request.body) == ({"a": 1}, b'{"a": 1}')
    assert request.body_file_raw is given


def test_a_body_that_middleware_has_replaced_is_copied_as_ever(app, environ):
    class WithoutSeek(io.RawIOBase):
        def __init__(self, data):
            self._data = data

        def read(self, size=-1):
            size = len(self._data) if size < 0 else size
            part, self._data = self._data[:size], self._data[size:]
            return part

    environ["wsgi.input"] = WithoutSeek(b'{"b": 2}')
    request = app.request_context(environ).request
    assert (request.json_body, request.json_body) == ({"b": 2}, {"b": 2})
