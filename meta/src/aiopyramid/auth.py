"""Authentication policies, where aiopyramid 0.3 had them; new code: ``aiopyramid_core.auth``."""

from aiopyramid_core.auth import CoroutineAuthenticationPolicyProxy, authn_policy_factory

__all__ = (
    "CoroutineAuthenticationPolicyProxy",
    "authn_policy_factory",
    "coroutine_callback_authentication_policy_factory",
)

coroutine_callback_authentication_policy_factory = authn_policy_factory
