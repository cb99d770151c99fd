"""Applications written for aiopyramid 0.2 to 0.4, whose requirement is all that has changed."""

import asyncio
import re

import pytest
from greenlet import getcurrent
from pyramid.authentication import RemoteUserAuthenticationPolicy
from pyramid.authorization import ACLAuthorizationPolicy
from pyramid.config import Configurator
from pyramid.interfaces import ITraverser
from pyramid.response import Response
from webob import Request
from zope.interface import Interface

from aiopyramid.auth import authn_policy_factory
from aiopyramid.config import CoroutineMapper, ExecutorMapper
from aiopyramid.helpers import run_in_greenlet
from aiopyramid.traversal import AsyncioTraverser
from aiopyramid_core import spawn_greenlet


def serve(application, path="/", **environ):
    """Send a request as the worker does."""
    request = Request.blank(path, environ=environ)
    return asyncio.run(spawn_greenlet(request.get_response, application))


@pytest.fixture
def config():
    config = Configurator(settings={"pyramid.includes": "aiopyramid"})
    return config


def generator_view(request):
    yield from asyncio.sleep(0)
    return Response("from a generator")


def test_a_generator_is_a_coroutine_view(config):
    config.add_view(generator_view)
    assert serve(config.make_wsgi_app()).text == "from a generator"


def test_mappers_are_named_as_before(config):
    config.add_view(generator_view, mapper=CoroutineMapper)
    config.add_view(lambda request: Response("ordinary"), name="x", mapper=ExecutorMapper)
    application = config.make_wsgi_app()
    assert serve(application).text == "from a generator"
    assert serve(application, "/x").text == "ordinary"


def test_synchronous_code_may_switch_greenlets_by_hand(config):
    async def action():
        await asyncio.sleep(0.001)
        return "acted"

    def root_factory(request):
        this = getcurrent()
        future = asyncio.Future()
        sub_task = asyncio.ensure_future(run_in_greenlet(this, future, action))
        this.parent.switch(sub_task)
        return future.result()

    async def view(context, request):
        return Response(context)

    # A request whose views are synchronous is in a thread, where there is nothing to switch to.
    config.set_root_factory(root_factory)
    config.add_view(view, context=str)
    assert serve(config.make_wsgi_app()).text == "acted"


def test_the_logger_tween_prints_requests_and_responses_in_order(config, capsys):
    config.add_tween("aiopyramid.tweens.coroutine_logger_tween_factory")
    config.add_view(generator_view)

    serve(config.make_wsgi_app(), "/?a=b")

    printed = capsys.readouterr().out
    assert re.search(r"GET /\?a=b HTTP/1\.0.*200 OK.*from a generator", printed, re.DOTALL)


def test_the_traverser_is_registered_as_before():
    class Resource:
        def __getitem__(self, name):
            yield from asyncio.sleep(0)
            return name

    config = Configurator(root_factory=lambda request: Resource())
    config.include("aiopyramid")
    config.registry.registerAdapter(AsyncioTraverser, (Interface,), ITraverser)
    config.add_view(lambda context, request: Response(context), context=str)
    assert serve(config.make_wsgi_app(), "/a").text == "a"


@pytest.mark.filterwarnings("ignore:Authentication and authorization policies:DeprecationWarning")
def test_authentication_policies_may_have_a_coroutine_as_callback(config):
    def get_principals(userid, request):
        yield from asyncio.sleep(0)
        return ["group:gardeners"]

    policy = authn_policy_factory(RemoteUserAuthenticationPolicy, get_principals)

    def view(request):
        mine = yield from policy.effective_principals(request)
        return Response(" ".join([*mine, request.authenticated_userid]))

    config.set_authentication_policy(policy)
    config.set_authorization_policy(ACLAuthorizationPolicy())
    config.add_view(view)
    response = serve(config.make_wsgi_app(), REMOTE_USER="ann")
    assert response.text == "system.Everyone system.Authenticated ann group:gardeners ann"
