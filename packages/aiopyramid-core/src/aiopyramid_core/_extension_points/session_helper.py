"""Pyramid's helper that keeps the user in the session, where the session's methods await.

An application's policy makes a :class:`~pyramid.authentication.SessionAuthenticationHelper` by
itself, and asks it without ``await``: a coroutine in the place of a user would count as one. As
with access control lists (:mod:`.acl`), Pyramid has no hook between the two, so that the helper's
methods are replaced here, for the process and once.
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
