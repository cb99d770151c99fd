"""registry: what is registered at another time, or by another way, than by a directive."""

import asyncio

import pytest
from pyramid.authentication import CallbackAuthenticationPolicy
from pyramid.authorization import ACLAuthorizationPolicy, Allow, Authenticated
from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.interfaces import IResponse, ISecurityPolicy
from pyramid.registry import Registry
from pyramid.response import Response
from webob import Request
from zope.interface import Interface, implementedBy


class Policy:
    """Lets nobody in."""

    async def identity(self, request):
        await asyncio.sleep(0)

    authenticated_userid = identity

    async def permits(self, request, context, permission):
        await asyncio.sleep(0)
        return False


class IThing(Interface):
    """An interface of the application's own."""


def secret(request):
    return Response("secret")


def status(config):
    return Request.blank("/").get_response(config.make_wsgi_app()).status_code


def including(**options):
    config = Configurator(**options)
    config.include("aiopyramid_core")
    return config


# --- Policies of Pyramid's with methods of the application's --------------------------------------


@pytest.mark.filterwarnings("ignore:Authentication and authorization policies:DeprecationWarning")
@pytest.mark.parametrize(("userid", "expected"), [("ann", 200), (None, 403)])
def test_pyramids_part_of_a_policy_gets_the_user_id_and_not_a_coroutine(userid, expected):
    class Root:
        __acl__ = ((Allow, Authenticated, "view"),)

        def __init__(self, request):
            pass

    class OldPolicy(CallbackAuthenticationPolicy):
        async def unauthenticated_userid(self, request):
            await asyncio.sleep(0)
            return userid

    config = including(
        root_factory=Root,
        authentication_policy=OldPolicy(),
        authorization_policy=ACLAuthorizationPolicy(),
    )
    config.add_view(secret, permission="view")
    assert status(config) == expected


# --- After the configuration was committed --------------------------------------------------------


def test_a_policy_that_is_registered_later_is_awaited():
    config = including()
    config.commit()
    config.registry.registerUtility(Policy(), ISecurityPolicy)
    config.add_view(secret, permission="view")
    assert status(config) == 403


def test_an_adapter_that_is_registered_by_the_lowest_way_is_awaited():
    async def adapter(text):
        return Response(text)

    config = including()
    config.registry.adapters.register((implementedBy(str),), IResponse, "", adapter)
    config.add_view(lambda request: "adapted")
    assert status(config) == 200


def test_what_a_base_registry_holds_is_awaited():
    base = Registry("base")
    base.registerUtility(Policy(), ISecurityPolicy)
    registry = Registry("application", bases=(base,))
    config = Configurator(registry=registry)
    config.setup_registry()
    config.include("aiopyramid_core")
    config.add_view(secret, permission="view")
    assert status(config) == 403


# --- Taking it back -------------------------------------------------------------------------------


def test_a_subscriber_can_be_unregistered_by_itself():
    called = []

    async def subscriber(event):
        called.append(event)

    registry = including().registry
    registry.registerHandler(subscriber, (NewRequest,))
    assert registry.unregisterHandler(subscriber, (NewRequest,))
    registry.notify(NewRequest(None))
    assert called == []


def test_a_utility_can_be_unregistered_by_itself():
    registry, policy = including().registry, Policy()
    registry.registerUtility(policy, ISecurityPolicy)
    assert [each.component for each in registry.registeredUtilities()].count(policy) == 1
    assert registry.unregisterUtility(policy, ISecurityPolicy)
    assert registry.queryUtility(ISecurityPolicy) is None


def test_an_adapter_can_be_unregistered_by_itself():
    async def adapter(value):
        return Response()

    adapters = including().registry.adapters
    adapters.register((IThing,), IResponse, "", adapter)
    adapters.unregister((IThing,), IResponse, "", adapter)
    assert adapters.registered((IThing,), IResponse) is None


def test_what_pyramid_does_not_call_is_left_alone():
    async def thing():
        """Be called by the application."""

    registry = including().registry
    registry.registerUtility(thing, IThing)
    assert registry.getUtility(IThing) is thing
