"""The walk through a resource tree, child by child.

This is the only module that calls a resource's ``__getitem__``. The walk itself is synchronous code
in the request's own greenlet or thread: a synchronous ``__getitem__`` finds the same environment
there as with Pyramid's own traverser, a synchronized one can wait, and an awaitable result is
awaited.
"""

import inspect
from collections.abc import Callable
from types import GeneratorType
from typing import Any, NamedTuple

from aiopyramid_core import await_, synchronize

__all__ = ("Stop", "awaited", "walk")


class Stop(NamedTuple):
    """The place where a walk has ended.

    Attributes:
        resource: The last resource that was found, the context.
        virtual_root: The virtual root, or the root if that was not reached.
        steps: How many names led to ``resource``.
        view_name: The name that follows, without its view selector; None if no name is left.
    """

    resource: Any
    virtual_root: Any
    steps: int
    view_name: str | None


def walk(root: Any, names: tuple[str, ...], virtual_root_steps: int, view_selector: str) -> Stop:
    """Walk from a root along names, as far as there are resources.

    Args:
        root: The resource at which to begin.
        names: The names to look up, each in the resource before it.
        virtual_root_steps: How many of the names lead to the virtual root.
        view_selector: The two characters with which a name begins that can only be a view's.

    Returns:
        The place where the walk has ended: there are no more names, the next one begins with the
        view selector, the resource has no ``__getitem__``, or that raised ``KeyError``.

    Raises:
        BaseException: Any exception of a ``__getitem__`` except ``KeyError``.
    """
    resource = virtual_root = root
    for steps, name in enumerate(names):
        if name[:2] == view_selector:  # as in Pyramid: a selector of another length never matches
            return Stop(resource, virtual_root, steps, name[2:])
        try:
            get_child = resource.__getitem__
        except AttributeError:
            return Stop(resource, virtual_root, steps, name)
        try:
            resource = _child(get_child, name)
        except KeyError:
            return Stop(resource, virtual_root, steps, name)
        if steps + 1 == virtual_root_steps:
            virtual_root = resource
    return Stop(resource, virtual_root, len(names), None)


def awaited(value: Any) -> Any:
    """Return a value, or its result if it is awaitable."""
    # First whether it can be: inspect.isawaitable takes five times as long to say that it is not.
    may_be_awaitable = hasattr(type(value), "__await__") or type(value) is GeneratorType
    return await_(value) if may_be_awaitable and inspect.isawaitable(value) else value


def _child(get_child: Callable[[str], Any], name: str) -> Any:
    child = get_child(name)
    if type(child) is GeneratorType and inspect.isgeneratorfunction(get_child):
        # A coroutine written with ``yield from``. Python lets it delegate to other coroutines only
        # if the function was flagged before the generator was created. This one has not started
        # yet, so it can be replaced.
        return synchronize(get_child)(name)
    return awaited(child)
