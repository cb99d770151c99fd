"""The cost of the wrappers that await policies, tweens and predicates."""

import asyncio
import time

from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet, synchronize

REQUESTS = 100
ROUNDS = 8
ATTEMPTS = 10
AT_MOST = 1.15


async def hello(request):
    return Response("hello")


def tween_factory(make):
    def factory(handler, registry):
        async def tween(request):
            return handler(request)

        return make(tween)

    return factory


def as_it_is(function):
    return function


bare_tween_factory = tween_factory(as_it_is)
synchronized_tween_factory = tween_factory(synchronize)


def application(make, name):
    class Policy:
        @make
        async def identity(self, request):
            return "ann"

        @make
        async def authenticated_userid(self, request):
            return "ann"

        @make
        async def permits(self, request, context, permission):
            return True

    class Mood:
        def __init__(self, value, info):
            self.text = self.phash = lambda: "mood"

        @make
        async def __call__(self, context, request):
            return True

    config = Configurator()
    config.include("aiopyramid_core")
    config.set_security_policy(Policy())
    config.add_view_predicate("mood", Mood)
    config.add_tween(name)
    config.add_view(hello, permission="view", mood="good")
    return config.make_wsgi_app()


def cpu_seconds(app):
    """Return the processor's time for some requests on the running loop, in this greenlet."""
    environ = Request.blank("/").environ
    started = time.process_time()
    for _ in range(REQUESTS):
        assert b"".join(app(dict(environ), lambda *head: None)) == b"hello"
    return time.process_time() - started


def test_it_costs_no_more_than_synchronize():
    bare = application(as_it_is, f"{__name__}.bare_tween_factory")
    synchronized = application(synchronize, f"{__name__}.synchronized_tween_factory")

    async def ratio():
        least = {}
        for _ in range(ROUNDS):
            for app in (bare, synchronized):
                seconds = await spawn_greenlet(cpu_seconds, app)
                least[app] = min(seconds, least.get(app, seconds))
        return least[bare] / least[synchronized]

    # Other work of the machine can only increase the time of one or the other.
    ratios = []
    while len(ratios) < ATTEMPTS and not (ratios and ratios[-1] <= AT_MOST):
        ratios.append(asyncio.run(ratio()))
    assert ratios[-1] <= AT_MOST, ratios
