"""auth: the authentication policies of Pyramid 1, with a coroutine as callback."""

import asyncio

import pytest
from pyramid.authentication import AuthTktAuthenticationPolicy, RemoteUserAuthenticationPolicy
from pyramid.authorization import Authenticated, Everyone
from pyramid.exceptions import ConfigurationError
from pyramid.interfaces import IAuthenticationPolicy
from pyramid.testing import DummyRequest
from zope.interface.verify import verifyObject

from aiopyramid_core import await_, spawn_greenlet, synchronize
from aiopyramid_core.auth import CoroutineAuthenticationPolicyProxy, authn_policy_factory

PRINCIPALS = [Everyone, Authenticated, "ann", "group:gardeners"]


async def find_groups(userid, request):
    await asyncio.sleep(0)
    return ["group:gardeners"] if userid == "ann" else None


@pytest.fixture
def policy():
    return authn_policy_factory(RemoteUserAuthenticationPolicy, find_groups)


@pytest.fixture
def request_of_ann():
    return DummyRequest(environ={"REMOTE_USER": "ann"})


def test_synchronous_code_gets_values(run, policy, request_of_ann):
    def ordinary():
        return [
            policy.unauthenticated_userid(request_of_ann),
            policy.authenticated_userid(request_of_ann),
            policy.effective_principals(request_of_ann),
            policy.remember(request_of_ann, "ann"),
            policy.forget(request_of_ann),
        ]

    async def main():
        return await spawn_greenlet(ordinary)

    assert run(main) == ["ann", "ann", PRINCIPALS, [], []]


async def ask(policy, request):
    return [
        await policy.unauthenticated_userid(request),
        await policy.authenticated_userid(request),
        await policy.effective_principals(request),
        await policy.remember(request, "ann"),
        await policy.forget(request),
    ]


def test_a_coroutine_gets_awaitables(run, policy, request_of_ann):
    assert run(ask, policy, request_of_ann) == ["ann", "ann", PRINCIPALS, [], []]


def test_so_does_a_coroutine_below_synchronous_code(run, policy, request_of_ann):
    async def main():
        return await spawn_greenlet(synchronize(ask), policy, request_of_ann)

    assert run(main) == ["ann", "ann", PRINCIPALS, [], []]


def test_the_callback_decides_who_is_known(run, policy):
    async def main():
        return await policy.authenticated_userid(DummyRequest(environ={"REMOTE_USER": "eve"}))

    assert run(main) is None


def test_the_policy_gets_all_other_arguments():
    policy = authn_policy_factory(
        AuthTktAuthenticationPolicy, find_groups, "secret", hashalg="sha256", timeout=5
    )
    assert policy._policy.cookie.hashalg == "sha256"
    assert policy._policy.cookie.secret == "secret"


def test_a_policy_may_be_without_callback(run, request_of_ann):
    policy = authn_policy_factory(RemoteUserAuthenticationPolicy)

    async def main():
        return await policy.effective_principals(request_of_ann)

    assert run(main) == [Everyone, Authenticated, "ann"]


def test_a_callback_that_is_not_a_coroutine_is_refused():
    with pytest.raises(ConfigurationError, match="not a coroutine function"):
        authn_policy_factory(RemoteUserAuthenticationPolicy, lambda userid, request: [])


def test_the_proxy_takes_any_policy(run, request_of_ann):
    class Policy:
        def authenticated_userid(self, request):
            return await_(asyncio.sleep(0, "somebody"))

    async def main():
        proxy = CoroutineAuthenticationPolicyProxy(Policy())
        return await proxy.authenticated_userid(request_of_ann)

    assert run(main) == "somebody"


def test_it_has_the_methods_of_an_authentication_policy(policy):
    assert verifyObject(IAuthenticationPolicy, policy, tentative=True)
