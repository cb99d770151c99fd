"""Security, authentication, authorization and CSRF policies, which are awaited for Pyramid."""

import copy
from collections.abc import Callable, Iterator
from types import MemberDescriptorType
from typing import Any, Final

from pyramid.authentication import CallbackAuthenticationPolicy, SessionAuthenticationPolicy
from pyramid.config.security import DefaultCSRFOptions
from pyramid.csrf import LegacySessionCSRFStoragePolicy, SessionCSRFStoragePolicy
from pyramid.interfaces import (
    IAuthenticationPolicy,
    IAuthorizationPolicy,
    ICSRFStoragePolicy,
    IDefaultCSRFOptions,
    ISecurityPolicy,
)

from .awaiting import AwaitingObject, awaiting
from .session_requests import RequestOfAwaitedSession, request_of

__all__ = ("HOLDERS", "await_policies_inside")

Holder = Callable[[Any], Any]

_SECURITY_METHODS: Final = ("identity", "authenticated_userid", "permits", "remember", "forget")
_AUTHENTICATION_METHODS: Final = (
    "authenticated_userid",
    "unauthenticated_userid",
    "effective_principals",
    "remember",
    "forget",
)
_AUTHORIZATION_METHODS: Final = ("permits", "principals_allowed_by_permission")
_CSRF_METHODS: Final = ("new_csrf_token", "get_csrf_token", "check_csrf_token")


def _security_policy(policy: Any) -> Any:
    return AwaitingObject(policy, _SECURITY_METHODS, "the security policy")


def _authorization_policy(policy: Any) -> Any:
    return AwaitingObject(policy, _AUTHORIZATION_METHODS, "the authorization policy")


def _authentication_policy(policy: Any) -> Any:
    callback = getattr(policy, "callback", None)
    if isinstance(policy, CallbackAuthenticationPolicy) and callback is not None:
        # The policy only checks for None, so a coroutine would count as a user. The application's
        # own policy keeps its callback.
        decide = awaiting(callback, "the callback of the authentication policy")
        policy = copy.copy(policy)
        policy.callback = lambda userid, request: decide(userid, request_of(request))
    if isinstance(policy, CallbackAuthenticationPolicy):
        policy = copy.copy(policy)
        _await_userid(policy)
    if isinstance(policy, SessionAuthenticationPolicy):
        policy = _WithAwaitedSession(policy, _AUTHENTICATION_METHODS)
    return AwaitingObject(policy, _AUTHENTICATION_METHODS, "the authentication policy")


_ASK_FOR_USERID: Final = ("authenticated_userid", "effective_principals")
"""Methods of Pyramid's that call ``unauthenticated_userid`` and check the result for None."""


def _await_userid(policy: Any) -> None:
    """Give those methods of a policy that are Pyramid's user IDs, and never a coroutine.

    The application's own methods use the unwrapped policy, whose coroutines they await.
    """
    asked = copy.copy(policy)
    asked.unauthenticated_userid = awaiting(
        policy.unauthenticated_userid, "unauthenticated_userid of the authentication policy"
    )
    for name in _ASK_FOR_USERID:
        if getattr(type(policy), name) is getattr(CallbackAuthenticationPolicy, name):
            setattr(policy, name, getattr(asked, name))


def await_policies_inside(policy: Any) -> None:
    """Await what Pyramid's authentication policies call, in those that another policy contains.

    A policy that asks several others, such as pyramid_multiauth's, contains them in an attribute,
    and the registry does not see them. They only check a user ID, and the result of a callback, for
    None, so a coroutine would count as a user. Both are replaced in the contained policies, for
    Pyramid's code alone.

    Args:
        policy: The application's, when its configuration is complete.
    """
    seen: set[int] = set()
    left = [policy]
    while left:
        each = left.pop()
        while issubclass(type(each), AwaitingObject):  # whose __class__ is that of its original
            each = each._original
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, CallbackAuthenticationPolicy):
            callback = getattr(each, "callback", None)
            if callback is not None:
                point = "the callback of an authentication policy"
                each.callback = awaiting(callback, point)
            _await_userid(each)
        elif isinstance(each, dict):
            left.extend(each.values())
        elif isinstance(each, (list, tuple, set, frozenset)):
            left.extend(each)
        elif hasattr(type(each), "authenticated_userid"):
            left.extend(_attributes_of(each))


def _attributes_of(policy: Any) -> Iterator[Any]:
    yield from getattr(policy, "__dict__", {}).values()
    for cls in type(policy).__mro__:
        for slot in vars(cls).values():
            if isinstance(slot, MemberDescriptorType):
                yield getattr(policy, slot.__name__, None)


def _csrf_storage_policy(policy: Any) -> Any:
    if isinstance(policy, (LegacySessionCSRFStoragePolicy, SessionCSRFStoragePolicy)):
        policy = _WithAwaitedSession(policy, _CSRF_METHODS)
    return AwaitingObject(policy, _CSRF_METHODS, "the CSRF storage policy")


def _csrf_options(options: Any) -> Any:
    if type(options) is not DefaultCSRFOptions or options.callback is None:
        return options
    options = copy.copy(options)
    options.callback = awaiting(options.callback, "the callback of the CSRF options")
    return options


class _WithAwaitedSession(AwaitingObject):
    """A policy of Pyramid's that sees the request's session with its methods awaited."""

    __slots__ = ()

    def __init__(self, policy: Any, names: tuple[str, ...]) -> None:
        super().__init__(policy, names, "a policy of Pyramid's")

    def _awaiting_method(self, name: str) -> Callable[..., Any]:
        method = super()._awaiting_method(name)

        def method_of_awaited_session(request: Any, *args: Any, **kwargs: Any) -> Any:
            return method(RequestOfAwaitedSession(request), *args, **kwargs)

        return method_of_awaited_session


HOLDERS: Final[dict[Any, Holder]] = {
    ISecurityPolicy: _security_policy,
    IAuthenticationPolicy: _authentication_policy,
    IAuthorizationPolicy: _authorization_policy,
    ICSRFStoragePolicy: _csrf_storage_policy,
    IDefaultCSRFOptions: _csrf_options,
}
"""By interface: the function that wraps the application's object for the registry."""
