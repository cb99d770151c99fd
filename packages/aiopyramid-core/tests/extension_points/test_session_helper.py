"""session_helper: a policy of the application's own that keeps the user in the session."""

import asyncio

import pytest
from pyramid.authentication import SessionAuthenticationHelper
from pyramid.response import Response
from webob import Request

from aiopyramid_core import spawn_greenlet


class AsyncSession(dict):
    """A session whose methods are coroutines, as one in Redis has them."""

    async def get(self, key, default=None):
        await asyncio.sleep(0)
        return super().get(key, default)

    async def __setitem__(self, key, value):
        await asyncio.sleep(0)
        super().__setitem__(key, value)

    async def __contains__(self, key):
        await asyncio.sleep(0)
        return super().__contains__(key)

    async def __delitem__(self, key):
        await asyncio.sleep(0)
        super().__delitem__(key)


class Policy:
    def __init__(self):
        self.helper = SessionAuthenticationHelper()

    def identity(self, request):
        userid = self.helper.authenticated_userid(request)
        return None if userid is None else {"userid": userid}

    def authenticated_userid(self, request):
        identity = self.identity(request)
        return identity and identity["userid"]

    def permits(self, request, context, permission):
        return self.identity(request) is not None

    def remember(self, request, userid, **kwargs):
        return self.helper.remember(request, userid, **kwargs)

    def forget(self, request, **kwargs):
        return self.helper.forget(request, **kwargs)


@pytest.fixture(params=["coroutine", "synchronous"])
def site(request, application):
    """An application with a login, a secret and a logout, and one session for all requests."""
    session = AsyncSession() if request.param == "coroutine" else {}

    async def secret(request):
        return Response(request.authenticated_userid)

    def login(request):
        return Response(repr(request.registry.policy.remember(request, "ada")))

    def logout(request):
        return Response(repr(request.registry.policy.forget(request)))

    def configure(config):
        config.registry.policy = Policy()
        config.set_security_policy(config.registry.policy)
        config.set_session_factory(lambda request: session)
        config.add_view(secret, name="secret", permission="view")
        config.add_view(login, name="login")
        config.add_view(logout, name="logout")

    return application(configure)


@pytest.mark.parametrize("where", ["loop", "threads"])
def test_who_is_not_in_the_session_stays_outside(run, site, where):
    def get(path):
        return Request.blank(path).get_response(site)

    def visit():
        answers = [get("/secret").status_int, get("/login").text]
        answers += [get("/secret").text, get("/logout").text]
        return [*answers, get("/secret").status_int]

    answers = visit() if where == "threads" else run(lambda: spawn_greenlet(visit))
    assert answers == [403, "[]", "ada", "[]", 403]
