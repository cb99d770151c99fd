"""Pyramid's helper that keeps the user in the session, for sessions with coroutine methods.

An application's policy makes a :class:`~pyramid.authentication.SessionAuthenticationHelper` itself
and calls it without ``await``, so that a coroutine would count as a user. As with access control
lists (:mod:`.acl`), Pyramid has no hook between the two. So the helper's methods are replaced here,
once per process.
"""

from collections.abc import Callable
from typing import Any, Final

from pyramid.authentication import SessionAuthenticationHelper

from .session_requests import RequestOfAwaitedSession

__all__ = ("install",)

_METHODS: Final = {
    name: getattr(SessionAuthenticationHelper, name)
    for name in ("authenticated_userid", "remember", "forget")
}


def install() -> None:
    """Let the helper wait for sessions."""
    for name, method in _METHODS.items():
        setattr(SessionAuthenticationHelper, name, _awaiting(method))


def _awaiting(method: Callable[..., Any]) -> Callable[..., Any]:
    def with_awaited_session(helper: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        return method(helper, RequestOfAwaitedSession(request), *args, **kwargs)

    with_awaited_session.__doc__ = method.__doc__
    return with_awaited_session
