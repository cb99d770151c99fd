"""Resource trees, as fixtures: pytest imports test modules such that none sees another."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiopyramid_core import spawn_greenlet, synchronize, use_executor


class Leaf:
    """A location-aware resource without children."""

    def __init__(self, name, parent):
        self.__name__ = name
        self.__parent__ = parent


class Branch(Leaf):
    """A resource with children; what differs between its subclasses is ``__getitem__``.

    Args:
        kinds: The class of its children, that of their children and so on, over and over.
        children: Names and, for each, the children of the child, None for a leaf, or an exception
            to raise.
    """

    def __init__(self, kinds, children, name="", parent=None):
        super().__init__(name, parent)
        self.kinds = kinds
        self.children = children

    def child(self, name):
        children = self.children[name]
        if isinstance(children, Exception):
            raise children
        if children is None:
            return Leaf(name, self)
        kind, *others = self.kinds
        return kind([*others, kind], children, name, self)


class Ordinary(Branch):
    def __getitem__(self, name):
        return self.child(name)


class Coroutine(Branch):
    async def __getitem__(self, name):
        await asyncio.sleep(0)
        return self.child(name)


class Synchronized(Branch):
    @synchronize
    async def __getitem__(self, name):
        await asyncio.sleep(0)
        return self.child(name)


class Generator(Branch):
    def __getitem__(self, name):
        yield from asyncio.sleep(0)
        return self.child(name)


class Blocking(Branch):
    @use_executor
    def __getitem__(self, name):
        return self.child(name)


KINDS = {
    kind.__name__.lower(): kind for kind in (Ordinary, Coroutine, Synchronized, Generator, Blocking)
}


@pytest.fixture
def grow() -> Callable[..., Any]:
    """Make the root of a tree: ``grow({"a": {"b": None}}, "ordinary", "coroutine")``."""

    def grow(children: dict[str, Any], *names: str) -> Branch:
        kind, *others = [KINDS[name] for name in names]
        return kind([*others, kind], children)

    return grow


@pytest.fixture(params=[*KINDS, "mixed"])
def tree(request: pytest.FixtureRequest, grow: Callable[..., Any]) -> Callable[..., Any]:
    """Make the root of a tree, once for each kind of resource and once of all kinds."""
    names = list(KINDS) if request.param == "mixed" else [request.param]
    return lambda children: grow(children, *names)


@pytest.fixture
def in_greenlet() -> Callable[..., Any]:
    """Call a function as the servers call an application, in a greenlet of the bridge."""

    def in_greenlet(function: Callable[..., Any], *args: Any) -> Any:
        return asyncio.run(spawn_greenlet(function, *args))

    return in_greenlet
