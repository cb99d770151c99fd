"""README.md: its code runs, all of it, one block after the other."""

import asyncio
from pathlib import Path

import pyramid.traversal
import pytest
from document_code import code_blocks
from pyramid.config import Configurator
from pyramid.interfaces import ITraverser
from pyramid.response import Response
from webob import Request
from zope.interface import Interface

from aiopyramid_core import use_executor
from aiopyramid_traversal import AsyncioTraverser, ExecutorTraverser

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


class Database:
    """Stands for any asyncio library: rows of an id and a name."""

    async def fetch_root(self):
        return (0, "")

    async def fetch_child(self, parent, name):
        await asyncio.sleep(0)
        return (parent + 1, name) if parent < 2 else None


@pytest.fixture
def names():
    """The names that the code has defined, and the configurator that it has configured."""
    names = {
        "AsyncioTraverser": AsyncioTraverser,
        "ExecutorTraverser": ExecutorTraverser,
        "ITraverser": ITraverser,
        "Interface": Interface,
        "asyncio": asyncio,
        "config": Configurator(autocommit=True),
        "database": Database(),
        "use_executor": use_executor,
    }
    for code in code_blocks(README):
        exec(code, names)
    return names


def test_the_tree_is_traversed(names, in_greenlet):
    async def show(context, request):
        return Response(f"{context.id} {pyramid.traversal.resource_path(context)}")

    config = names["config"]
    config.add_view(show)
    application = config.make_wsgi_app()

    assert in_greenlet(Request.blank("/a/b").get_response, application).text == "2 /a/b"
    assert in_greenlet(Request.blank("/a/b/c").get_response, application).status_int == 404


def test_resources_are_found_from_two_tasks_at_once(names):
    async def main():
        root = await names["root_factory"](None)
        return await names["two"](root, "a", "a/b")

    assert [found.id for found in asyncio.run(main())] == [1, 2]


def test_a_view_finds_resources_with_pyramids_own_function(names, in_greenlet):
    found = []
    names["find_resource"] = lambda *args: found.append(pyramid.traversal.find_resource(*args))

    async def move(context, request):
        await names["move"](context, request)
        return Response()

    config = names["config"]
    config.add_view(move, name="move")
    path = "/a/@@move?target=/a/b"
    in_greenlet(Request.blank(path).get_response, config.make_wsgi_app())

    assert [resource.id for resource in found] == [2]
