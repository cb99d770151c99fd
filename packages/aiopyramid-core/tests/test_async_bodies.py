"""Asynchronous bodies below synchronous code: tweens, callbacks, decorators, subrequests."""

import asyncio
import gzip

import pytest
from pyramid.config import Configurator
from pyramid.request import Request as PyramidRequest
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet


async def rows():
    for row in (b"one\n", b"two\n"):
        await asyncio.sleep(0)
        yield row


async def view(request):
    return Response(app_iter=rows(), content_type="text/plain")


def zip_tween_factory(handler, registry):
    def tween(request):
        response = handler(request)
        response.encode_content("gzip", lazy=True)
        return response

    return tween


def upper_tween_factory(handler, registry):
    def tween(request):
        response = handler(request)
        response.app_iter = (part.upper() for part in response.app_iter)
        return response

    return tween


def tag_tween_factory(handler, registry):
    def tween(request):
        response = handler(request)
        response.md5_etag()
        return response

    return tween


def late_tween_factory(handler, registry):
    def tween(request):
        response = handler(request)
        response.app_iter = rows()
        return response

    return tween


@pytest.fixture(params=["loop", "thread"])
def get(request):
    """Return the whole answer of an application, on the loop and in a thread."""

    def get(configure, path="/"):
        config = Configurator()
        config.include("aiopyramid_core")
        config.add_view(view)
        configure(config)
        app = config.make_wsgi_app()

        def read():
            response = Request.blank(path).get_response(app)
            response.body  # noqa: B018  # read here, where a body may wait
            return response

        return read() if request.param == "thread" else asyncio.run(spawn_greenlet(read))

    return get


def test_a_tween_can_compress_it(get):
    answer = get(lambda config: config.add_tween(f"{__name__}.zip_tween_factory"))
    assert gzip.decompress(answer.body) == b"one\ntwo\n"


def test_a_tween_can_put_a_generator_around_it(get):
    answer = get(lambda config: config.add_tween(f"{__name__}.upper_tween_factory"))
    assert answer.body == b"ONE\nTWO\n"


def test_a_tween_can_read_all_of_it(get):
    answer = get(lambda config: config.add_tween(f"{__name__}.tag_tween_factory"))
    assert (answer.body, bool(answer.etag)) == (b"one\ntwo\n", True)


def test_one_that_a_tween_has_set_is_sent(get):
    answer = get(lambda config: config.add_tween(f"{__name__}.late_tween_factory"))
    assert answer.body == b"one\ntwo\n"


def test_a_response_callback_can_read_it(get):
    def measure(request, response):
        response.headers["X-Length"] = str(len(response.body))

    def configure(config):
        config.add_subscriber(
            lambda event: event.request.add_response_callback(measure), "pyramid.events.NewRequest"
        )

    assert get(configure).headers["X-Length"] == "8"


def test_a_decorator_can_read_it(get):
    def upper(decorated):
        def wrapper(context, request):
            return Response(decorated(context, request).body.upper())

        return wrapper

    answer = get(lambda config: config.add_view(view, name="upper", decorator=upper), "/upper")
    assert answer.body == b"ONE\nTWO\n"


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
def test_a_subrequest_gives_it_to_a_view(get, kind):
    def ordinary(request):
        return Response(request.invoke_subrequest(PyramidRequest.blank("/")).body.upper())

    async def coroutine(request):
        return ordinary(request)

    views = {"coroutine": coroutine, "ordinary": ordinary}
    answer = get(lambda config: config.add_view(views[kind], name="outer"), "/outer")
    assert answer.body == b"ONE\nTWO\n"


def test_a_renderer_may_make_one(get):
    async def encoded(values):
        async for value in values:
            yield value.upper()

    def configure(config):
        config.add_renderer("upper", lambda info: lambda value, system: encoded(value))
        config.add_view(lambda request: rows(), name="rendered", renderer="upper")

    assert get(configure, "/rendered").body == b"ONE\nTWO\n"
