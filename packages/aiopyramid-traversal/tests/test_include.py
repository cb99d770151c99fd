"""_include: what becomes of an application that includes the package."""

import asyncio

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.interfaces import ITraverser, IViewMapperFactory
from pyramid.response import Response
from pyramid.traversal import ResourceTreeTraverser
from webob import Request
from zope.interface import Interface

from aiopyramid_core import CoroutineOrExecutorMapper
from aiopyramid_traversal import AsyncioTraverser

CHILDREN = {"a": {"b": {"c": None}}}


async def show(context, request):
    """Show what traversal has found, by names."""
    names = [request.context.__name__, request.view_name, request.subpath, request.traversed]
    return Response(repr(names))


def by_include(config):
    config.include("aiopyramid_traversal")


def by_directive(config):
    config.include("aiopyramid_core")
    config.add_traverser(AsyncioTraverser)


def by_adapter(config):
    config.include("aiopyramid_core")
    config.registry.registerAdapter(AsyncioTraverser, (Interface,), ITraverser)


@pytest.fixture
def ask(in_greenlet, tree):
    """Ask an application whose root factory is a coroutine; ``configure`` completes it."""

    def ask(path, configure, **environ):
        async def root_factory(request):
            await asyncio.sleep(0)
            return tree(CHILDREN)

        config = Configurator(root_factory=root_factory)
        configure(config)
        config.add_view(show)
        config.add_view(show, name="b")
        request = Request.blank(path, environ=environ)
        return in_greenlet(request.get_response, config.make_wsgi_app())

    return ask


@pytest.mark.parametrize("register", [by_include, by_directive, by_adapter])
def test_each_way_of_registering_it_works(ask, register):
    assert ask("/a/b/c", register).text == "['c', '', (), ('a', 'b', 'c')]"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", "['', '', (), ()]"),
        ("/a/@@b/x/y", "['a', 'b', ('x', 'y'), ('a',)]"),
        ("/b/x", "['', 'b', ('x',), ()]"),
    ],
)
def test_views_are_looked_up_as_ever(ask, path, found):
    assert ask(path, by_include).text == found


def test_what_is_not_there_is_not_found(ask):
    assert ask("/a/missing", by_include).status_int == 404


def test_a_path_that_is_not_utf8_goes_to_the_exception_views(ask):
    async def bad_request(error, request):
        return Response("not UTF-8", status=400)

    def configure(config):
        config.include("aiopyramid_traversal")
        config.add_exception_view(bad_request, context=URLDecodeError)

    assert ask("/%FF", configure).status_int == 400


def test_a_virtual_root_moves_the_tree(ask):
    found = ask("/b", by_include, HTTP_X_VHM_ROOT="/a")
    assert found.text == "['b', '', (), ('a', 'b')]"


@pytest.mark.parametrize("pattern", ["/hybrid/*traverse", "/hybrid/{traverse:.*}"])
def test_a_route_may_traverse(ask, pattern):
    def configure(config):
        config.include("aiopyramid_traversal")
        config.add_route("hybrid", pattern)
        config.add_view(show, route_name="hybrid")

    assert ask("/hybrid/a/b", configure).text == "['b', '', (), ('a', 'b')]"


def test_the_root_factory_of_a_route_may_be_a_coroutine(ask, tree):
    async def factory(request):
        return tree({"x": None})

    def configure(config):
        config.include("aiopyramid_traversal")
        config.add_route("hybrid", "/hybrid/*traverse", factory=factory)
        config.add_view(show, route_name="hybrid")

    assert ask("/hybrid/x", configure).text == "['x', '', (), ('x',)]"


def test_the_request_has_the_root_and_not_its_awaitable(ask):
    async def of_root(context, request):
        return Response(repr(request.root is request.virtual_root))

    def configure(config):
        config.include("aiopyramid_traversal")
        config.add_view(of_root, name="root")

    assert ask("/root", configure).text == "True"


def test_the_application_may_have_a_traverser_of_its_own():
    config = Configurator()
    config.add_traverser(ResourceTreeTraverser)
    config.include("aiopyramid_traversal")
    config.commit()
    assert type(config.registry.queryAdapter(object(), ITraverser)) is ResourceTreeTraverser


def test_it_includes_the_core():
    config = Configurator()
    config.include("aiopyramid_traversal")
    config.commit()
    assert config.registry.getUtility(IViewMapperFactory) is CoroutineOrExecutorMapper
