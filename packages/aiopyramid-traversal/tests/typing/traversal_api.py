"""Uses of the public API as mypy sees them: checked by `make lint`, never run.

``assert_type`` says what a type checker has to infer. An ignore marks what it has to refuse: mypy
complains about an ignore that is not needed.
"""

from typing import Any, assert_type

from aiopyramid_traversal import (
    AsyncioTraverser,
    ExecutorTraverser,
    find_resource,
    includeme,
    traverse,
)


class Resource:
    pass


class OwnTraverser(AsyncioTraverser):
    VIEW_SELECTOR = "++"


def traversers(request: object) -> None:
    for traverser in (AsyncioTraverser(Resource()), ExecutorTraverser(Resource())):
        assert_type(traverser(request), dict[str, Any])
    assert_type(OwnTraverser(Resource())(request), dict[str, Any])
    AsyncioTraverser(Resource())()  # type: ignore[call-arg]


async def look_up(resource: Resource) -> None:
    assert_type(await find_resource(resource, "/a/b"), Any)
    assert_type(await find_resource(resource, ("", "a")), Any)
    assert_type(await traverse(resource, ["a", "b"]), dict[str, Any])
    await find_resource(resource, 1)  # type: ignore[arg-type]
    await traverse(resource, b"/a")  # type: ignore[arg-type]


includeme(object())
