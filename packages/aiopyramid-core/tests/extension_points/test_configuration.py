"""configuration: what is included, directives and actions that are coroutines."""

import asyncio
import os
import sys
from types import ModuleType

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError, ConfigurationError
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet


async def include_page(config):
    await asyncio.sleep(0)
    config.add_view(lambda request: Response(config.package_name), name="page")


async def include_nested(config):
    await asyncio.sleep(0)
    config.include(include_page)


def include_hidden(config):
    return include_page(config)


async def add_greeting(config, text):
    await asyncio.sleep(0)
    config.add_view(lambda request: Response(text), name="page")
    return "a greeting"


def configured(*includes, **settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    for each in includes:
        config.include(each)
    return config


def page(config):
    return Request.blank("/page").get_response(config.make_wsgi_app()).status_code


# --- includeme ------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [include_page, include_nested, include_hidden])
def test_an_includeme_function_may_be_a_coroutine(function, no_warnings):
    assert page(configured(function)) == 200


@pytest.fixture
def module(monkeypatch):
    """A module that can be included by its name."""
    module = ModuleType("included_by_name")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    async def includeme(config):
        await asyncio.sleep(0)
        config.add_view(lambda request: Response("hello"), name="page")

    includeme.__module__ = module.__name__
    module.includeme = includeme
    return module


def test_it_may_be_included_by_the_settings(module, no_warnings):
    names = {"pyramid.includes": "aiopyramid_core included_by_name"}
    assert page(Configurator(settings=names)) == 200


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_included_before_this_package_it_is_refused(module):
    config = Configurator()
    config.include("included_by_name")
    with pytest.raises(ConfigurationError) as caught:
        config.include("aiopyramid_core")
    assert str(caught.value) == (
        "included_by_name:includeme is a coroutine function, and was included before"
        ' aiopyramid_core, which awaits it. Call config.include("aiopyramid_core") first.'
    )


def test_an_includeme_function_that_is_an_async_generator_is_refused():
    async def include_parts(config):
        yield

    include_parts.__module__ = __name__
    with pytest.raises(ConfigurationError, match="as an includeme function, but returns"):
        configured(include_parts)


def test_what_it_raises_is_raised():
    async def includeme(config):
        await asyncio.sleep(0)
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        configured(includeme)


def test_it_is_included_once_and_below_its_prefix(no_warnings):
    async def add_route(config):
        await asyncio.sleep(0)
        config.add_route("route", "/page")
        config.add_view(lambda request: Response("hello"), route_name="route")

    config = configured()
    config.include(add_route, route_prefix="/below")
    config.include(add_route, route_prefix="/below")
    app = config.make_wsgi_app()
    assert Request.blank("/below/page").get_response(app).status_code == 200


def test_a_synchronous_one_finds_what_pyramid_gives_it():
    seen = []

    def includeme(config):
        seen.append((config.basepath, config.includepath, config.package.__name__))

    Configurator().include(includeme)
    configured(includeme)
    plain, ours = seen
    assert ours == plain
    assert ours[:2] == (os.path.dirname(__file__), (f"{__name__}:includeme",))


def test_on_a_loop_of_the_servers_it_is_awaited(no_warnings):
    async def main():
        return page(await spawn_greenlet(configured, include_page))

    assert asyncio.run(main()) == 200


# --- Directives and actions -----------------------------------------------------------------------


@pytest.mark.parametrize("action_wrap", [True, False])
def test_a_directive_may_be_a_coroutine(action_wrap, no_warnings):
    config = configured()
    config.add_directive("add_greeting", add_greeting, action_wrap=action_wrap)
    assert config.add_greeting("hello") == "a greeting"
    assert page(config) == 200


def test_a_directive_that_was_added_before_may_be_one(no_warnings):
    config = Configurator()
    config.add_directive("add_greeting", add_greeting)
    config.include("aiopyramid_core")
    config.add_greeting("hello")
    assert page(config) == 200


def test_conflicts_of_its_views_name_the_caller():
    config = configured()
    config.add_directive("add_greeting", add_greeting)
    config.add_greeting("hello")
    config.add_greeting("good bye")
    with pytest.raises(ConfigurationConflictError) as caught:
        config.commit()
    assert str(caught.value).count("config.add_greeting(") == 2


@pytest.mark.parametrize("autocommit", [True, False])
def test_an_action_may_be_a_coroutine(autocommit, no_warnings):
    done = []

    async def act(name, *, kind):
        await asyncio.sleep(0)
        done.append((name, kind))

    config = Configurator(autocommit=autocommit)
    config.include("aiopyramid_core")
    config.action("seen", act, args=("ann",), kw={"kind": "seen"})
    config.action("hidden", lambda: act("bob", kind="hidden"))
    config.commit()
    assert done == [("ann", "seen"), ("bob", "hidden")]
