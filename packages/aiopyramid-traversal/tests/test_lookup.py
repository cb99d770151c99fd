"""lookup: finding resources from coroutines."""

import asyncio

import pyramid.testing
import pyramid.traversal
import pytest
from pyramid.exceptions import URLDecodeError
from pyramid.traversal import resource_path, resource_path_tuple
from zope.interface import Interface

from aiopyramid_traversal import AsyncioTraverser, find_resource, traverse

CHILDREN = {"a": {"b ü": {"c": None}}, "x": None}
PATHS = ["/a", "/a/b%20%C3%BC/c", "/", "", "x", "./a/../x", ("", "a", "b ü"), ("a",), ("",), ()]


@pytest.mark.parametrize("path", PATHS)
def test_it_finds_what_pyramid_finds(tree, grow, path):
    expected = pyramid.traversal.find_resource(grow(CHILDREN, "ordinary"), path)

    found = asyncio.run(find_resource(tree(CHILDREN), path))

    assert resource_path(found) == resource_path(expected)


@pytest.mark.parametrize("path", [*PATHS, "/a/missing/d", "/x/@@view", "missing", ("", "a", "@@v")])
def test_it_traverses_as_pyramid_does(tree, grow, path):
    expected = pyramid.traversal.traverse(grow(CHILDREN, "ordinary"), path)

    found = asyncio.run(traverse(tree(CHILDREN), path))

    assert [*found] == [*expected]
    for name in ("view_name", "subpath", "traversed", "virtual_root_path"):
        assert found[name] == expected[name]
    for name in ("context", "root", "virtual_root"):
        assert resource_path(found[name]) == resource_path(expected[name])


def test_a_path_is_relative_to_the_resource_or_to_its_root(tree):
    async def main():
        root = tree(CHILDREN)
        b = await find_resource(root, "a/b%20%C3%BC")
        return [await find_resource(b, path) for path in ("c", "/x", ("", "x"))]

    assert [resource_path(found) for found in asyncio.run(main())] == [
        "/a/b%20%C3%BC/c",
        "/x",
        "/x",
    ]


def test_it_is_the_inverse_of_resource_path(tree):
    async def main():
        root = tree(CHILDREN)
        c = await find_resource(root, ("", "a", "b ü", "c"))
        again = await find_resource(c, resource_path(c))
        once_more = await find_resource(c, resource_path_tuple(c))
        return resource_path(again), resource_path(once_more)

    assert asyncio.run(main()) == ("/a/b%20%C3%BC/c", "/a/b%20%C3%BC/c")


def test_a_resource_that_is_not_there_is_a_key_error(tree):
    with pytest.raises(KeyError, match="has no child named 'missing'"):
        asyncio.run(find_resource(tree(CHILDREN), "/a/missing"))


def test_a_path_with_characters_beyond_ascii_is_an_error(tree):
    with pytest.raises(UnicodeEncodeError):
        asyncio.run(find_resource(tree(CHILDREN), "/a/b ü"))


def test_a_path_that_is_not_utf8_is_an_error(tree):
    with pytest.raises(URLDecodeError):
        asyncio.run(find_resource(tree(CHILDREN), "/%FF"))


def test_the_registrys_own_traverser_is_asked(tree):
    class Answers(AsyncioTraverser):
        def __call__(self, request):
            return super().__call__(request) | {"context": "mine"}

    with pyramid.testing.testConfig() as config:
        config.add_traverser(Answers, Interface)
        assert asyncio.run(find_resource(tree(CHILDREN), "/a")) == "mine"


def test_children_of_a_task_group_look_up_together(tree):
    async def main():
        root = tree(CHILDREN)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(find_resource(root, path)) for path in ("a", "x")]
        return [resource_path(task.result()) for task in tasks]

    assert asyncio.run(main()) == ["/a", "/x"]
