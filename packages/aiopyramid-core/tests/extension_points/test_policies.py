"""policies: what authentication policies call is awaited also if another policy contains them."""

import asyncio
import base64

import pytest
from pyramid.authentication import BasicAuthAuthenticationPolicy
from pyramid.authorization import Everyone
from pyramid.response import Response
from webob import Request


async def is_correct(username, password, request):
    await asyncio.sleep(0)
    return ["group:users"] if password == "correct" else None


class Stack:
    """A security policy that asks others in turn, like that of pyramid_multiauth."""

    def __init__(self, policies):
        self.policies = policies

    def authenticated_userid(self, request):
        found = (policy.authenticated_userid(request) for policy in self.policies)
        return next((userid for userid in found if userid is not None), None)

    def effective_principals(self, request):
        return {each for policy in self.policies for each in policy.effective_principals(request)}

    def identity(self, request):
        return sorted(self.effective_principals(request))


class NamedStack(Stack):
    """A policy that asks others, which it knows by name."""

    def __init__(self, **policies):
        self.by_name = policies

    @property
    def policies(self):
        return self.by_name.values()


class Around(Stack):
    """A policy that asks one other."""

    def __init__(self, policy):
        self.inside = policy

    @property
    def policies(self):
        return [self.inside]


class Slotted(Around):
    """The same, with the other policy in a slot."""

    __slots__ = ("inside",)


def in_a_set(policy):
    return Stack({policy})


def in_a_slot(policy):
    return Slotted(policy)


def in_a_list(policy):
    return Stack([policy])


def in_an_attribute(policy):
    return Around(policy)


def in_a_policy_inside(policy):
    return Around(NamedStack(basic=policy))


def show_user(request):
    return Response(f"{request.authenticated_userid} {request.identity}")


@pytest.fixture(params=["loop", "thread"])
def get(request, application, fetch):
    """Return what a user with a password is answered, on the loop and in a thread."""

    def get(policy, password):
        async def show_user_on_the_loop(request):
            return show_user(request)

        is_on_loop = request.param == "loop"

        def configure(config):
            config.set_security_policy(policy)
            config.add_view(show_user_on_the_loop if is_on_loop else show_user)

        credentials = base64.b64encode(f"ann:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        return Request.blank("/", headers=headers).get_response(application(configure)).text

    return get


each_place = pytest.mark.parametrize(
    "place", [in_a_list, in_a_set, in_an_attribute, in_a_slot, in_a_policy_inside]
)


@each_place
def test_a_user_whom_a_coroutine_rejects_is_not_authenticated(get, no_warnings, place):
    policy = place(BasicAuthAuthenticationPolicy(is_correct))
    assert get(policy, "wrong") == f"None {[Everyone]}"


@each_place
def test_a_user_whom_a_coroutine_accepts_is_authenticated(get, no_warnings, place):
    policy = place(BasicAuthAuthenticationPolicy(is_correct))
    assert get(policy, "correct").startswith("ann ['ann', 'group:users', ")


class KnowsAnn(BasicAuthAuthenticationPolicy):
    """A policy whose user IDs are looked up."""

    def __init__(self):
        super().__init__(lambda username, password, request: [])

    async def unauthenticated_userid(self, request):
        await asyncio.sleep(0)
        credentials = base64.b64decode(request.authorization.params).decode()
        return "ann" if credentials == "ann:correct" else None


@each_place
def test_a_user_id_that_a_coroutine_does_not_find_is_not_authenticated(get, no_warnings, place):
    assert get(place(KnowsAnn()), "wrong") == f"None {[Everyone]}"


@each_place
def test_a_user_id_that_a_coroutine_finds_is_authenticated(get, no_warnings, place):
    assert get(place(KnowsAnn()), "correct").startswith("ann ['ann', ")


def test_policies_that_an_action_adds_to_the_list_are_known(application, no_warnings):
    policies = []

    def configure(config):
        config.set_security_policy(Stack(policies))
        config.action(None, lambda: policies.append(BasicAuthAuthenticationPolicy(is_correct)))
        config.add_view(show_user)

    credentials = base64.b64encode(b"ann:wrong").decode()
    headers = {"Authorization": f"Basic {credentials}"}
    answer = Request.blank("/", headers=headers).get_response(application(configure))
    assert answer.text == f"None {[Everyone]}"
