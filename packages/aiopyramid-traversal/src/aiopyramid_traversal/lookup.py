"""Looking up resources by path, for code that is already a coroutine.

In a request the functions of :mod:`pyramid.traversal` work unchanged, in coroutine views as well.
The functions here are for coroutines that run outside a request's greenlet: background tasks, the
children of a ``TaskGroup``, startup functions, scripts and tests.
"""

from collections.abc import Iterable
from typing import Any

from pyramid.interfaces import IRequestFactory, ITraverser
from pyramid.request import Request
from pyramid.threadlocal import get_current_registry
from pyramid.traversal import find_root, quote_path_segment
from pyramid.util import ascii_

from aiopyramid_core import spawn_greenlet

from .traverser import AsyncioTraverser

__all__ = ("find_resource", "traverse")


async def find_resource(resource: Any, path: str | Iterable[str]) -> Any:
    """Return the resource at a path, like :func:`pyramid.traversal.find_resource`.

    Args:
        resource: A location-aware resource of the tree.
        path: A string of quoted names or an iterable of plain ones, such as
            :func:`pyramid.traversal.resource_path` and ``resource_path_tuple`` return; from the
            root if it begins with ``/`` or the empty string, otherwise from ``resource``.

    Raises:
        KeyError: There is no such resource.
        BaseException: See :func:`traverse`.
    """
    found = await traverse(resource, path)
    if found["view_name"]:
        raise KeyError(f"{found['context']!r} has no child named {found['view_name']!r}")
    return found["context"]


async def traverse(resource: Any, path: str | Iterable[str]) -> dict[str, Any]:
    """Traverse a path as far as there are resources, like :func:`pyramid.traversal.traverse`.

    The traverser is the one that the current registry has for the tree, or
    :class:`~aiopyramid_traversal.AsyncioTraverser` if it has none.

    Args:
        resource: A location-aware resource of the tree.
        path: See :func:`find_resource`.

    Returns:
        A dictionary with ``context``, ``view_name``, ``subpath``, ``traversed``,
        ``virtual_root``, ``virtual_root_path`` and ``root``.

    Raises:
        UnicodeEncodeError: ``path`` is a string with characters beyond ASCII.
        URLDecodeError: ``path`` is not quoted UTF-8.
        BaseException: Any exception of a ``__getitem__`` except ``KeyError``.
    """
    return await spawn_greenlet(_traverse, resource, path)


def _traverse(resource: Any, path: str | Iterable[str]) -> dict[str, Any]:
    url = ascii_(path if isinstance(path, str) else _quoted(path))
    if url.startswith("/"):
        resource = find_root(resource)
    registry = get_current_registry()
    request = registry.queryUtility(IRequestFactory, default=Request).blank(url)
    request.registry = registry
    traverser = registry.queryAdapter(resource, ITraverser, default=AsyncioTraverser(resource))
    found: dict[str, Any] = traverser(request)
    return found


def _quoted(names: Iterable[str]) -> str:
    quoted = [quote_path_segment(name) for name in names]
    return "/" if quoted == [""] else "/".join(quoted)
