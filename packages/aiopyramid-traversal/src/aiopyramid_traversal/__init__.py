"""Traversal of resource trees whose ``__getitem__`` may be a coroutine.

Include this package (``config.include("aiopyramid_traversal")``). ``README.md`` is the
introduction; the modules in reading order:

``_path``
    From a request to the names to walk along; pure.
``_walk``
    The walk through the tree.
``traverser``
    The traversers that Pyramid calls.
``lookup``
    The same for code that is already a coroutine.
``_include``
    How this package becomes part of an application.
"""

from ._include import includeme
from .lookup import find_resource, traverse
from .traverser import AsyncioTraverser, ExecutorTraverser

__all__ = (
    "AsyncioTraverser",
    "ExecutorTraverser",
    "find_resource",
    "includeme",
    "traverse",
)
