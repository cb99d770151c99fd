"""The traversers: how Pyramid asks for the context of a request.

A traverser (Pyramid, "Changing the Traverser") is created for the root of a resource tree and
called with a request; it returns a dictionary that Pyramid puts on the request. There are two of
them, as there are two kinds of views: one for trees that await, and one for trees that block.
"""

from typing import Any

from pyramid.traversal import ResourceTreeTraverser

from aiopyramid_core import call_off_loop

from ._path import path_of, stays_at_root
from ._walk import awaited, walk

__all__ = ("AsyncioTraverser", "ExecutorTraverser")


class AsyncioTraverser(ResourceTreeTraverser):
    """Traverse a tree of resources whose ``__getitem__`` may be a coroutine.

    In one tree, ``__getitem__`` may be a coroutine function, a generator function that delegates
    with ``yield from``, a synchronized coroutine, or a synchronous method. A coroutine runs on the
    event loop. A synchronous method runs where the request does: in a coroutine request, which is
    on the event loop, it must not block. If it does, wrap it in
    :func:`~aiopyramid_core.use_executor`, or take :class:`ExecutorTraverser` for the tree.

    The root may be awaitable, too: a root factory may be a coroutine function.

    Otherwise it behaves like :class:`pyramid.traversal.ResourceTreeTraverser`, and as there a
    subclass may choose another ``VIEW_SELECTOR`` and ``VH_ROOT_KEY``.

    Args:
        root: The root resource, or an awaitable for it.
    """

    root: Any

    def __call__(self, request: Any) -> dict[str, Any]:
        """Find the context of a request.

        Args:
            request: The request.

        Returns:
            A dictionary with ``context``, ``view_name``, ``subpath``, ``traversed``,
            ``virtual_root``, ``virtual_root_path`` and ``root``, as
            :func:`pyramid.traversal.traverse` describes them.

        Raises:
            URLDecodeError: The path is not UTF-8.
            BaseException: Any exception of a ``__getitem__`` except ``KeyError``, which ends
                traversal.
        """
        # First, because otherwise a refused path would leave a coroutine that is never awaited. The
        # result is kept, because a traverser can be called again, and a coroutine awaited once.
        root = self.root = awaited(self.root)
        if stays_at_root(request, self.VH_ROOT_KEY):
            # As with most routes. A walk along no names took an eleventh of a small request.
            return {
                "context": root,
                "view_name": "",
                "subpath": (),
                "traversed": (),
                "virtual_root": root,
                "virtual_root_path": (),
                "root": root,
            }
        path = path_of(request, self.VH_ROOT_KEY)
        stop = walk(root, path.segments, len(path.virtual_root), self.VIEW_SELECTOR)
        traversed, view_name, subpath = path.segments, "", path.subpath
        if stop.view_name is not None:
            view_name, subpath = stop.view_name, path.segments[stop.steps + 1 :]
            # Below a virtual root Pyramid counts the names that lead there twice, and readers of
            # request.traversed rely on that.
            traversed = path.segments[: len(path.virtual_root) + stop.steps]
        return {
            "context": stop.resource,
            "view_name": view_name,
            "subpath": subpath,
            "traversed": traversed,
            "virtual_root": stop.virtual_root,
            "virtual_root_path": path.virtual_root,
            "root": root,
        }


class ExecutorTraverser(AsyncioTraverser):
    """Traverse in a thread, for a tree of resources whose synchronous ``__getitem__`` blocks.

    In a coroutine request the whole walk is one call in a thread; a synchronous request has a
    thread anyway. Coroutines in the tree still run on the event loop. To use it for one kind of
    root only::

        config.add_traverser(ExecutorTraverser, LegacyRoot)
    """

    def __call__(self, request: Any) -> dict[str, Any]:
        """Find the context of a request; see :meth:`AsyncioTraverser.__call__`."""
        return call_off_loop(super().__call__, request)
