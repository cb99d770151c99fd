"""Access control lists that are coroutine methods.

Pyramid's :class:`~pyramid.authorization.ACLHelper` asks each resource for its ``__acl__``. An
application's policy makes such a helper by itself, and Pyramid has no hook between the two. So the
helper's two methods are replaced here, once per process. The replacements call the originals with
resources whose ``__acl__``, if it is a coroutine method or a property that returns a coroutine, is
awaited.
"""

from collections.abc import Callable
from typing import Any, Final

from pyramid.authorization import ACLHelper

from .._coroutines import is_coroutine
from .awaiting import awaited
from .locations import refuse_coroutine_as_parent

__all__ = ("install",)

_permits: Final[Callable[..., Any]] = ACLHelper.permits
_principals_allowed: Final[Callable[..., Any]] = ACLHelper.principals_allowed_by_permission


def install() -> None:
    """Let Pyramid's ACL helper, and its ACL policy, wait for ``__acl__``."""
    ACLHelper.permits = _permits_awaiting
    ACLHelper.principals_allowed_by_permission = _principals_allowed_awaiting


def _permits_awaiting(helper: Any, context: Any, principals: Any, permission: Any) -> Any:
    result = _permits(helper, _Resource(context), principals, permission)
    # The result must name the application's resource, and not the wrapper.
    result.context = result.context._resource
    result.args = (*result.args[:4], result.context, *result.args[5:])
    return result


def _principals_allowed_awaiting(helper: Any, context: Any, permission: Any) -> Any:
    return _principals_allowed(helper, _Resource(context), permission)


class _Resource:
    """A resource and its parents, with only the attributes that an ACL helper reads."""

    __slots__ = ("_resource",)

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    @property
    def __parent__(self) -> "_Resource | None":
        parent = self._resource.__parent__
        refuse_coroutine_as_parent(parent, self._resource)
        return None if parent is None else _Resource(parent)

    @property
    def __acl__(self) -> Any:
        acl = self._resource.__acl__
        # Awaited when the helper calls it, and not here, because an AttributeError here would mean
        # that the resource has no list.
        if callable(acl):
            return lambda: awaited(acl())
        return (lambda: awaited(acl)) if is_coroutine(acl) else acl
