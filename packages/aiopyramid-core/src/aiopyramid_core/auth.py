"""Authentication policies of Pyramid 1 whose callback is a coroutine.

Pyramid 2 has security policies instead, whose methods may simply be coroutines. Pyramid still has
the authentication policies but deprecates them. Their callbacks and methods may be coroutines, too.
This module is for coroutines that call a policy *directly*: they get an awaitable.
"""

from collections.abc import Callable
from typing import Any

from .decorators import spawn_greenlet_on_scope_error, synchronize

__all__ = ("CoroutineAuthenticationPolicyProxy", "authn_policy_factory")


class CoroutineAuthenticationPolicyProxy:
    """An authentication policy for both synchronous code and coroutines.

    Each of its methods returns its value to synchronous code, such as Pyramid's; a coroutine that
    calls it directly gets an awaitable::

        principals = await policy.effective_principals(request)

    Args:
        policy: An authentication policy that may call synchronized coroutines.
    """

    def __init__(self, policy: Any) -> None:
        self._policy = policy

    @spawn_greenlet_on_scope_error
    def remember(self, request: Any, userid: Any, **kwargs: Any) -> Any:
        """Return headers that remember a user.

        Args:
            request: The request.
            userid: The user, in the policy's own terms.
            **kwargs: Passed on to the policy.
        """
        return self._policy.remember(request, userid, **kwargs)

    @spawn_greenlet_on_scope_error
    def forget(self, request: Any) -> Any:
        """Return headers that forget the user.

        Args:
            request: The request.
        """
        return self._policy.forget(request)

    @spawn_greenlet_on_scope_error
    def unauthenticated_userid(self, request: Any) -> Any:
        """Return the user named by the request, without calling the callback.

        Args:
            request: The request.
        """
        return self._policy.unauthenticated_userid(request)

    @spawn_greenlet_on_scope_error
    def authenticated_userid(self, request: Any) -> Any:
        """Return the user if the callback knows them, otherwise None.

        Args:
            request: The request.
        """
        return self._policy.authenticated_userid(request)

    @spawn_greenlet_on_scope_error
    def effective_principals(self, request: Any) -> Any:
        """Return the principals of the user, those of the callback included.

        Args:
            request: The request.
        """
        return self._policy.effective_principals(request)


def authn_policy_factory(
    policy_class: Callable[..., Any],
    coroutine: Callable[..., Any] | None = None,
    *args: Any,
    **kwargs: Any,
) -> CoroutineAuthenticationPolicyProxy:
    """Make an authentication policy whose callback is a coroutine.

    ::

        config.set_authentication_policy(
            authn_policy_factory(AuthTktAuthenticationPolicy, find_groups, "a secret")
        )

    Args:
        policy_class: A policy of :mod:`pyramid.authentication`, or any other that takes
            ``callback``.
        coroutine: The callback, a coroutine function; see the policy for its parameters. Without
            it, the policy is made without a callback.
        *args: Passed on to ``policy_class``.
        **kwargs: Passed on to ``policy_class``.

    Raises:
        ConfigurationError: ``coroutine`` is not a coroutine function.
    """
    if coroutine is not None:
        kwargs["callback"] = synchronize(coroutine)
    return CoroutineAuthenticationPolicyProxy(policy_class(*args, **kwargs))
