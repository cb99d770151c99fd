"""From a request to the names that traversal has to walk along.

Values in, values out: no resource is touched here and nothing awaits. The rules are those of
:class:`pyramid.traversal.ResourceTreeTraverser` (Pyramid, "Traversal", "Hybrid", "Virtual
Hosting").
"""

from typing import Any, NamedTuple

from pyramid.exceptions import URLDecodeError
from pyramid.traversal import decode_path_info, split_path_info
from pyramid.util import is_nonstr_iter

__all__ = ("TraversalPath", "path_of", "stays_at_root")


class TraversalPath(NamedTuple):
    """The path that a request asks to traverse.

    Attributes:
        segments: The names to walk along from the root, those of the virtual root first.
        virtual_root: The names that lead to the virtual root; empty if there is none.
        subpath: The subpath of a request whose segments all name resources: the part that the
            route matched as ``subpath``.
    """

    segments: tuple[str, ...]
    virtual_root: tuple[str, ...]
    subpath: tuple[str, ...]


def stays_at_root(request: Any, virtual_root_key: str) -> bool:
    """Return whether there is nothing to traverse: a route has matched that names no path for it.

    Args:
        request: A request; ``matchdict`` is None unless a route has matched.
        virtual_root_key: The key of the WSGI environment that names the virtual root.
    """
    matchdict = request.matchdict
    return (
        matchdict is not None
        and "traverse" not in matchdict
        and "subpath" not in matchdict
        and virtual_root_key not in request.environ
    )


def path_of(request: Any, virtual_root_key: str) -> TraversalPath:
    """Return the path that a request asks for.

    Args:
        request: A request; ``matchdict`` is None unless a route has matched.
        virtual_root_key: The key of the WSGI environment that names the virtual root.

    Raises:
        URLDecodeError: The path of the request is not UTF-8.
        UnicodeDecodeError: The path of the virtual root is not UTF-8.
    """
    subpath: tuple[str, ...] = ()
    if request.matchdict is None:
        path = _path_info(request)
    else:
        path, subpath = _matched(request.matchdict)
    virtual_root = ""
    if virtual_root_key in request.environ:
        virtual_root = decode_path_info(request.environ[virtual_root_key])
    return TraversalPath(
        split_path_info(virtual_root + path), split_path_info(virtual_root), subpath
    )


def _path_info(request: Any) -> str:
    try:
        # Empty if the application is mounted and its root is requested.
        return request.path_info or "/"
    except KeyError:  # PEP 3333 lets a server omit an empty PATH_INFO
        return "/"
    except UnicodeDecodeError as error:
        raise URLDecodeError(
            error.encoding, error.object, error.start, error.end, error.reason
        ) from error


def _matched(matchdict: Any) -> tuple[str, tuple[str, ...]]:
    """Return the path and the subpath that a route has matched, decoded by the router."""
    path = matchdict.get("traverse", "/") or "/"
    if is_nonstr_iter(path):  # *traverse, not {traverse}
        path = "/" + "/".join(path)
    subpath = matchdict.get("subpath", ())
    if not is_nonstr_iter(subpath):  # {subpath}, not *subpath
        subpath = split_path_info(subpath)
    return path, subpath
