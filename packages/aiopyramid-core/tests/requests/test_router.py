"""router: Pyramid's router with the additions of this package."""

import pytest
from pyramid.interfaces import IRequestExtensions
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router

from aiopyramid_core._requests.router import extend_router


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
