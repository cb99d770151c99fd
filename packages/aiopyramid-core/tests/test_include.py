"""_include: what becomes of an application that includes the package."""

import asyncio
import functools
import inspect
import threading

import pytest
from pyramid import testing
from pyramid.config import Configurator
from pyramid.config.views import DefaultViewMapper
from pyramid.interfaces import ITweens, IViewMapperFactory
from pyramid.response import Response

from aiopyramid_core import CoroutineOrExecutorMapper, includeme, spawn
from aiopyramid_core.lifespan import lifespan_of


def tweens_of(registry):
    """Return the names of an application's tweens, from the server to the router."""
    names = [name for name, _ in registry.getUtility(ITweens).implicit()]
    return [name.rpartition(".")[2] for name in names]


async def coroutine(request):
    await asyncio.sleep(0)
    return Response("coroutine")


# --- What is registered ---------------------------------------------------------------------------


def test_the_default_mapper_is_ours(application):
    registry = application(lambda config: None).registry
    assert registry.getUtility(IViewMapperFactory) is CoroutineOrExecutorMapper


def test_without_settings_there_is_one_tween_and_no_hook(application):
    registry = application(lambda config: None).registry
    assert tweens_of(registry) == ["ingress_tween_factory", "excview_tween_factory"]
    assert (lifespan_of(registry)._startup, lifespan_of(registry)._shutdown) == ([], [])


def test_the_time_limit_is_a_tween_below_the_exception_views():
    config = Configurator(settings={"aiopyramid.request_timeout": "1"})
    config.include("aiopyramid_core")
    registry = config.make_wsgi_app().registry
    names = ["ingress_tween_factory", "excview_tween_factory", "timeout_tween_factory"]
    assert tweens_of(registry) == names


EXCVIEW = "pyramid.tweens.excview_tween_factory"
OWN = f"{__name__}.own_tween_factory"


def own_tween_factory(handler, registry):
    return handler


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (OWN, ["ingress", "own", "timeout"]),
        (f"{OWN} {EXCVIEW}", ["ingress", "own", "excview", "timeout"]),
        (f"{EXCVIEW} {OWN}", ["ingress", "excview", "timeout", "own"]),
    ],
)
def test_an_application_that_names_its_tweens_need_not_name_ours(named, expected):
    config = Configurator(settings={"pyramid.tweens": named, "aiopyramid.request_timeout": "1"})
    config.include("aiopyramid_core")
    explicit = config.make_wsgi_app().registry.getUtility(ITweens).explicit
    assert [name.rpartition(".")[2].partition("_")[0] for name, _ in explicit] == expected


def test_requests_can_spawn(run, application, fetch):
    async def main():
        done = asyncio.Event()

        async def background():
            done.set()

        async def view(request):
            spawn(background())
            return Response("spawned")

        await fetch(application(lambda config: config.add_view(view)))
        await asyncio.wait_for(done.wait(), 20)

    run(main)


def test_a_configuration_that_commits_at_once_may_include_it(run, fetch):
    async def main():
        return (await fetch(config.make_wsgi_app())).text

    with testing.testConfig() as config:  # as in the tests of an application
        config.include("aiopyramid_core")
        config.add_view(coroutine)
        assert run(main) == "coroutine"


# --- Included twice -------------------------------------------------------------------------------


def include_plainly(config):
    config.include("aiopyramid_core")


def include_by_another_package(config):
    config.include(lambda config: config.include("aiopyramid_core"))


def include_after_a_commit(config):
    config.commit()
    config.include("aiopyramid_core")


def include_by_hand(config):
    config.commit()
    includeme(config)


@pytest.mark.parametrize(
    "again",
    [include_plainly, include_by_another_package, include_after_a_commit, include_by_hand],
)
def test_a_second_include_changes_nothing(run, fetch, again):
    async def connect(registry):
        registry["pool"] = "connected"

    async def view(request):
        return Response(request.registry["pool"])

    async def main():
        config = Configurator()
        config.include("aiopyramid_core")
        config.add_startup(connect)
        config.add_view(view)
        again(config)
        app = config.make_wsgi_app()
        assert tweens_of(app.registry).count("ingress_tween_factory") == 1
        return (await fetch(app)).text

    assert run(main) == "connected"


# --- Beside what applications configure themselves ------------------------------------------------


class Again(Exception):
    """Asks for another attempt."""


def retrying_policy(environ, router):
    """What pyramid_retry does: an execution policy that makes a new request for each attempt."""
    for _ in range(2):
        with router.request_context(environ) as request:
            try:
                return router.invoke_request(request)
            except Again:
                continue
    raise AssertionError("two attempts were not enough")


@pytest.mark.parametrize("kind", ["coroutine", "ordinary"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_an_execution_policy_of_the_application_is_used(run, fetch, kind, order):
    attempts = []

    def ordinary_view(request):
        attempts.append(request)
        if len(attempts) == 1:
            raise Again
        return Response("at the second attempt")

    async def coroutine_view(request):
        await asyncio.sleep(0)
        return ordinary_view(request)

    async def main():
        config = Configurator()
        if order == "before":
            config.set_execution_policy(retrying_policy)
        config.include("aiopyramid_core")
        if order == "after":
            config.set_execution_policy(retrying_policy)
        config.add_view(coroutine_view if kind == "coroutine" else ordinary_view)
        return (await fetch(config.make_wsgi_app())).text

    assert run(main) == "at the second attempt"
    first, second = attempts
    assert first is not second


class WithGreeting(DefaultViewMapper):
    """A mapper of another package, which creates view objects with an argument of its own."""

    def __call__(self, view):
        if not inspect.isclass(view):
            return super().__call__(view)
        attr = self.attr or "__call__"
        return lambda context, request: getattr(view(request, greeting="hello"), attr)()


def include_mapper(config):
    """Stand for a package such as pyramid_services_viewmapper."""
    config.set_view_mapper(WithGreeting)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("committed", [False, True], ids=["in one commit", "committed between"])
def test_a_mapper_that_another_package_sets_takes_precedence(order, committed):
    config = Configurator()
    includes = ["aiopyramid_core", include_mapper]
    for include in includes if order == "after" else reversed(includes):
        config.include(include)
        if committed:
            config.commit()
    registry = config.make_wsgi_app().registry
    assert registry.getUtility(IViewMapperFactory) is WithGreeting


def marking(method):
    @functools.wraps(method)
    def wrapper(*arguments):
        response = method(*arguments)
        response.headers["X-Mark"] = "yes"
        return response

    return wrapper


class Greeting:
    def __init__(self, request, *, greeting):
        self.greeting = greeting

    async def __call__(self):
        await asyncio.sleep(0)
        return Response(self.greeting)

    @marking
    async def marked(self):
        return await self()

    @staticmethod
    @marking
    async def marked_static():
        await asyncio.sleep(0)
        return Response("hello")


@pytest.mark.parametrize(
    ("attr", "mark"), [(None, None), ("marked", "yes"), ("marked_static", "yes")]
)
def test_such_a_mapper_creates_the_objects_of_coroutine_view_classes(
    run, application, fetch, attr, mark
):
    def configure(config):
        config.include(include_mapper)
        config.add_view(Greeting, attr=attr)

    response = run(lambda: fetch(application(configure)))
    assert (response.text, response.headers.get("X-Mark")) == ("hello", mark)


class OnTheSpot(DefaultViewMapper):
    """A mapper of the application's own, which calls views where they are."""


@pytest.mark.parametrize("how", ["default", "option", "attribute"])
def test_a_view_of_a_mapper_that_is_not_ours_is_left_alone(run, application, fetch, how):
    class View:
        def __call__(self, context, request):
            return Response(threading.current_thread().name)

    def configure(config):
        options = {}
        if how == "default":
            config.set_view_mapper(OnTheSpot)
        elif how == "option":
            options["mapper"] = OnTheSpot
        else:
            View.__view_mapper__ = OnTheSpot
        config.add_view(View(), **options)

    async def main():
        return (await fetch(application(configure))).text

    # Where that is, the request's place decides: what a foreign mapper does is not known.
    assert run(main).startswith("aiopyramid-request-")
