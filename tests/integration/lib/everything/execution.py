"""Callables that Pyramid calls around a request, while there is no current request."""

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from aiopyramid_core import synchronize

from .common import add, after_pause, pause


@synchronize
async def make_request(environ):
    request = Request(environ)
    request.made_by = await after_pause("request factory")
    return request


@synchronize
async def make_response(request):
    response = Response()
    response.headers["X-Made-By"] = await after_pause("response factory")
    return response


@synchronize
async def execute(environ, router):
    """Try again, after a while, as pyramid_retry does."""
    attempts = 0
    while True:
        await pause()
        attempts += 1
        with router.request_context(environ) as request:
            request.attempts = attempts
            try:
                return router.invoke_request(request)
            except ConnectionError:
                continue


def fragile(request):
    if request.attempts < 3:
        raise ConnectionError
    return [request.attempts, request.made_by]


async def fragile_in_coroutine(request):
    await pause()
    return fragile(request)


async def on_not_found(error, request):
    await pause()
    request.response.status = 404
    return f"nothing at {request.path_info}"


def slashes(**settings):
    """Pyramid derives a not-found view that appends slashes while it is configured, not after."""
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_notfound_view(on_not_found, renderer="json", append_slash=True)
        add(config, "/with-slash/", on_not_found)
        return config.make_wsgi_app()


def main(**settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.set_request_factory(make_request)
        config.set_response_factory(make_response)
        config.set_execution_policy(execute)
        add(config, "/fragile/ordinary", fragile)
        add(config, "/fragile/coroutine", fragile_in_coroutine)
        return config.make_wsgi_app()
