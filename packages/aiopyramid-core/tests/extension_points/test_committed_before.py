"""committed_before: what an application has committed before it included this package."""

import asyncio
import functools

import pytest
from pyramid.config import Configurator
from pyramid.config.views import DefaultViewMapper
from pyramid.events import NewRequest
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from webob import Request

from aiopyramid_core import includeme, synchronize


class Policy:
    """Lets nobody in."""

    async def identity(self, request):
        await asyncio.sleep(0)

    authenticated_userid = identity

    async def permits(self, request, context, permission):
        await asyncio.sleep(0)
        return False


class HidingPolicy(Policy):
    """The same, and nobody can see it."""

    permits = lambda self, *args: Policy.permits(self, *args)  # noqa: E731


def secret(request):
    return Response("secret")


def status(config, path="/", **options):
    return Request.blank(path, **options).get_response(config.make_wsgi_app()).status_code


async def refuses(*args):
    await asyncio.sleep(0)
    return False


# --- What views ask -------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Policy(), HidingPolicy()], ids=["seen", "hidden"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_policy_that_a_view_holds_already_is_awaited(policy, debug, no_warnings):
    settings = {"debug_authorization": debug}
    config = Configurator(security_policy=policy, settings=settings)
    config.add_view(secret, permission="view")
    config.add_view(secret, permission="view", request_method="POST")
    config.add_view(secret, permission="view", accept="text/html", name="accepting")
    config.add_view(secret, permission="view", accept="text/plain", name="accepting")
    config.commit()
    config.include("aiopyramid_core")
    paths = ("/", "/accepting")
    assert [status(config, path) for path in paths] == [403, 403]
    assert status(config, method="POST") == 403


def test_a_policy_that_lets_in_lets_in(no_warnings):
    class Welcoming(Policy):
        async def permits(self, request, context, permission):
            await asyncio.sleep(0)
            return True

    config = Configurator(security_policy=Welcoming())
    config.add_view(secret, permission="view")
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 200


def test_the_callback_of_the_csrf_options_that_a_view_holds_already_is_awaited(no_warnings):
    config = Configurator()
    config.set_default_csrf_options(callback=lambda request: refuses(), check_origin=False)
    config.add_view(secret)
    config.commit()
    config.include("aiopyramid_core")
    assert status(config, method="POST") == 200  # its answer is that no token is needed


def test_a_policy_that_was_committed_before_is_awaited():
    config = Configurator(security_policy=Policy())
    config.commit()
    config.include("aiopyramid_core")
    config.add_view(secret, permission="view")
    assert status(config) == 403


def test_an_application_that_commits_at_once_is_awaited():
    config = Configurator(security_policy=Policy(), autocommit=True)
    config.include("aiopyramid_core")
    config.add_view(secret, permission="view")
    assert status(config) == 403


@pytest.mark.filterwarnings('ignore:The "custom_predicates" argument:DeprecationWarning')
def test_predicates_of_views_that_were_committed_before_are_awaited():
    config = Configurator()
    config.add_view(secret, custom_predicates=(refuses,))
    config.add_view(secret, custom_predicates=(refuses,), name="other")
    config.add_view(secret, custom_predicates=(refuses,), request_method="GET")
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 404


@pytest.mark.filterwarnings('ignore:The "custom_predicates" argument:DeprecationWarning')
def test_predicates_of_routes_that_were_committed_before_are_awaited():
    config = Configurator()
    config.add_route("secret", "/", custom_predicates=(refuses,))
    config.add_view(secret, route_name="secret")
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 404


def test_predicates_of_subscribers_that_were_committed_before_are_awaited():
    class Never:
        def __init__(self, value, info):
            self.text = self.phash = lambda: "never"

        async def __call__(self, event):
            return False

    called = []
    config = Configurator()
    config.add_subscriber_predicate("never", Never)
    config.add_subscriber(called.append, NewRequest, never=True)
    config.commit()
    config.include("aiopyramid_core")
    config.add_view(secret)
    assert (status(config), called) == (200, [])


def test_subscribers_that_were_committed_before_stay_in_order():
    called = []

    async def first(event):
        called.append("first")

    config = Configurator()
    config.add_subscriber(first, NewRequest)
    config.add_subscriber(lambda event: called.append("second"), NewRequest)
    config.commit()
    config.include("aiopyramid_core")
    config.add_view(secret)
    status(config)
    assert called == ["first", "second"]


# --- Views ----------------------------------------------------------------------------------------


async def coroutine_view(request):
    await asyncio.sleep(0)
    return Response("hello")


@functools.wraps(coroutine_view)
async def wrapped_view(request):
    return await coroutine_view(request)


class ViewClass:
    def __init__(self, request):
        """Be made by Pyramid."""

    async def method(self):
        return Response("hello")


@pytest.mark.parametrize(
    ("view", "attr"), [(coroutine_view, None), (wrapped_view, None), (ViewClass, "method")]
)
def test_a_coroutine_view_is_refused(view, attr):
    config = Configurator()
    config.add_view(view, attr=attr)
    config.commit()
    with pytest.raises(ConfigurationError) as caught:
        includeme(config)
    assert str(caught.value).endswith(
        " is a coroutine, and the view was committed before aiopyramid_core was included. Call"
        ' config.include("aiopyramid_core") first, and add the view after it (also one that is'
        " given as exceptionresponse_view)."
    )
    assert view.__name__ in str(caught.value)


def test_a_view_that_awaits_by_itself_is_not():
    config = Configurator()
    config.add_view(synchronize(coroutine_view))
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 200


class Running(DefaultViewMapper):
    """Runs coroutines by itself."""

    def __call__(self, view):
        mapped = super().__call__(view)
        return lambda context, request: asyncio.run(mapped(context, request))


def test_a_coroutine_view_with_a_mapper_of_its_own_is_not():
    config = Configurator()
    config.add_view(coroutine_view, mapper=Running)
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 200


def test_coroutine_views_of_an_application_with_a_mapper_of_its_own_are_not():
    config = Configurator()
    config.set_view_mapper(Running)
    config.commit()
    config.add_view(coroutine_view)
    config.commit()
    config.include("aiopyramid_core")
    assert status(config) == 200
