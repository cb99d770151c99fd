"""The authentication policies of Pyramid 1, which call back a coroutine."""

import warnings

from pyramid.authentication import AuthTktAuthenticationPolicy, SessionAuthenticationPolicy
from pyramid.authorization import ACLAuthorizationPolicy, Allow
from pyramid.config import Configurator
from pyramid.security import forget, remember
from pyramid.session import SignedCookieSessionFactory

from aiopyramid_core import synchronize

from .common import add, after_pause, pause

MEMBERS = {"ann": ["group:editors"], "bob": []}


@synchronize
async def find_groups(userid, request):
    return await after_pause(MEMBERS.get(userid))


class Root:
    __acl__ = ((Allow, "group:editors", "edit"),)

    def __init__(self, request):
        pass


async def log_in(request):
    await pause()
    request.response.headerlist.extend(remember(request, request.params["user"]))
    return {}


def log_out(request):
    request.response.headerlist.extend(forget(request))
    return {}


def whoami(request):
    return {
        "userid": request.authenticated_userid,
        "unverified": request.unauthenticated_userid,
        "principals": sorted(request.effective_principals),
        "may_edit": bool(request.has_permission("edit")),
    }


async def whoami_in_coroutine(request):
    await pause()
    return whoami(request)


async def edit(request):
    return await after_pause("edited")


def application(policy, settings, session_factory=None):
    with warnings.catch_warnings():
        # Policies of this kind are deprecated, and in use.
        warnings.simplefilter("ignore", DeprecationWarning)
        with Configurator(settings=settings) as config:
            config.include("aiopyramid_core")
            config.set_root_factory(Root)
            config.set_authentication_policy(policy)
            config.set_authorization_policy(ACLAuthorizationPolicy())
            if session_factory is not None:
                config.set_session_factory(session_factory)
            add(config, "/log-in", log_in)
            add(config, "/log-out", log_out)
            add(config, "/whoami/ordinary", whoami)
            add(config, "/whoami/coroutine", whoami_in_coroutine)
            add(config, "/edit", edit, permission="edit")
            return config.make_wsgi_app()


def ticket(**settings):
    return application(AuthTktAuthenticationPolicy("s" * 64, callback=find_groups), settings)


def session(**settings):
    policy = SessionAuthenticationPolicy(callback=find_groups)
    return application(policy, settings, SignedCookieSessionFactory("s" * 64))
