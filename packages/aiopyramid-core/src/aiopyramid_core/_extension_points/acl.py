"""Access control lists that are coroutine methods.

Pyramid's :class:`~pyramid.authorization.ACLHelper` asks each resource for its ``__acl__``. An
application's policy makes such a helper by itself, and Pyramid has no hook between the two. So the
helper's two methods are replaced here, for the process and once: they do what they did, and see
resources whose ``__acl__`` waits if it is a method, or a property that is a coroutine.
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
    # Who reads the result asks which of the application's resources has decided.
    result.context = result.context._resource
    result.args = (*result.args[:4], result.context, *result.args[5:])
    return result


def _principals_allowed_awaiting(helper: Any, context: Any, permission: Any) -> Any:
    return _principals_allowed(helper, _Resource(context), permission)


class _Resource:
    """A resource and those above it, with nothing but what an ACL helper asks for."""

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
        # Awaited by the helper, and not here: an AttributeError here means that there is none.
        if callable(acl):
            return lambda: awaited(acl())
        return (lambda: awaited(acl)) if is_coroutine(acl) else acl
