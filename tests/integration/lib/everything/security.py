"""A security policy of coroutines."""

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.csrf import get_csrf_token
from pyramid.security import forget, remember

from aiopyramid_core import synchronize

from .common import add, after_pause, pause


@synchronize
class Policy:
    """Trusts the header ``X-User``."""

    async def identity(self, request):
        return await after_pause(request.headers.get("X-User"))

    async def authenticated_userid(self, request):
        # A direct call of a synchronized coroutine, by a coroutine.
        return self.identity(request)

    async def permits(self, request, context, permission):
        await pause()
        user = self.authenticated_userid(request)
        principals = [Everyone] if user is None else [Everyone, Authenticated, user]
        return ACLHelper().permits(context, principals, permission)

    async def remember(self, request, userid, **kw):
        return await after_pause([("X-Remembered", userid)])

    async def forget(self, request, **kw):
        return await after_pause([("X-Forgotten", "yes")])


@synchronize
class Tokens:
    """A CSRF storage policy."""

    async def new_csrf_token(self, request):
        return await after_pause("token")

    async def get_csrf_token(self, request):
        return await after_pause("token")

    async def check_csrf_token(self, request, supplied_token):
        return await after_pause(supplied_token == self.get_csrf_token(request))


def whoami(request):
    return {
        "identity": request.identity,
        "userid": request.authenticated_userid,
        "is_authenticated": request.is_authenticated,
    }


async def whoami_in_coroutine(request):
    await pause()
    return whoami(request)


async def log_in(request):
    request.response.headerlist.extend(remember(request, "ann"))
    return {}


async def log_out(request):
    request.response.headerlist.extend(forget(request))
    return {}


async def token(request):
    return get_csrf_token(request)


async def protected(request):
    return await after_pause("accepted")


def includeme(config):
    config.set_security_policy(Policy())
    config.set_csrf_storage_policy(Tokens())
    add(config, "/whoami/ordinary", whoami)
    add(config, "/whoami/coroutine", whoami_in_coroutine)
    add(config, "/log-in", log_in)
    add(config, "/log-out", log_out)
    add(config, "/csrf/token", token)
    add(config, "/csrf/protected", protected, require_csrf=True)
