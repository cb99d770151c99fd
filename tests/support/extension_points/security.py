"""Policies: who may do what."""

from typing import Any

from pyramid.authentication import CallbackAuthenticationPolicy
from pyramid.authorization import ACLAuthorizationPolicy, ACLHelper, Allow, Deny, Everyone
from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy, get_csrf_token
from pyramid.interfaces import IAuthorizationPolicy, ISecurityPolicy
from pyramid.response import Response

from ._table import Exchanges, Maker, Users, extension_point, not_found, of, refused, secret, secure

# --- Security -------------------------------------------------------------------------------------


@extension_point("security policy: `permits`", "`config.set_security_policy`")
def permits(config: Configurator, f: Maker) -> Exchanges:
    class Policy(Users):
        permits = f(Users.permits)

    config.set_security_policy(Policy())
    secure(config)
    return {"/?user=ann": "200 secret", "/?user=bob": "403 no", "/": "403 no"}


@extension_point(
    "security policy: `identity`, `authenticated_userid`", "`config.set_security_policy`"
)
def identity(config: Configurator, f: Maker) -> Exchanges:
    class Policy(Users):
        identity = f(Users.identity)
        authenticated_userid = f(lambda self, request: request.GET.get("user"))

    def who(request: Any) -> Response:
        return Response(f"{request.identity} {request.authenticated_userid}")

    config.set_security_policy(Policy())
    config.add_view(who)
    config.add_view(secret, name="members", is_authenticated=True)
    config.add_notfound_view(not_found)
    return {
        "/?user=ann": "200 ann ann",
        "/": "200 None None",
        "/members?user=ann": "200 secret",
        "/members": "404 nothing",
    }


@extension_point("security policy: `remember`, `forget`", "`config.set_security_policy`")
def remember(config: Configurator, f: Maker) -> Exchanges:
    from pyramid.security import forget, remember

    class Policy(Users):
        remember = f(Users.remember)
        forget = f(Users.forget)

    def view(request: Any) -> Response:
        return Response(f"{remember(request, 'ann')} {forget(request)}")

    config.set_security_policy(Policy())
    config.add_view(view)
    return {"/": "200 [('X-Remembered', 'ann')] [('X-Forgotten', 'yes')]"}


@extension_point("security policy", "`registry.registerUtility`")
def registered_policy(config: Configurator, f: Maker) -> Exchanges:
    config.registry.registerUtility(of(f, Users), ISecurityPolicy)
    secure(config)
    return {"/?user=bob": "403 no"}


class OldUsers:
    """An authentication policy of Pyramid 1."""

    def authenticated_userid(self, request: Any) -> Any:
        return request.GET.get("user")

    def unauthenticated_userid(self, request: Any) -> Any:
        return request.GET.get("user")

    def effective_principals(self, request: Any) -> Any:
        user = request.GET.get("user")
        return [Everyone] if user is None else [Everyone, user]

    def remember(self, request: Any, userid: Any, **options: Any) -> Any:
        return []

    def forget(self, request: Any) -> Any:
        return []


@extension_point("authentication policy", "`config.set_authentication_policy`")
def authentication_policy(config: Configurator, f: Maker) -> Exchanges:
    class Root:
        __acl__ = ((Allow, "ann", "view"),)

        def __init__(self, request: Any) -> None:
            """Be made by Pyramid."""

    config.set_root_factory(Root)
    config.set_authorization_policy(ACLAuthorizationPolicy())
    config.set_authentication_policy(of(f, OldUsers))
    config.add_view(lambda request: Response(str(request.authenticated_userid)), name="who")
    secure(config)
    return {
        "/?user=ann": "200 secret",
        "/?user=bob": "403 no",
        "/who?user=ann": "200 ann",
        "/who": "200 None",
    }


@extension_point("callback of an authentication policy", "`config.set_authentication_policy`")
def authentication_callback(config: Configurator, f: Maker) -> Exchanges:
    class Policy(CallbackAuthenticationPolicy):
        def __init__(self, callback: Any) -> None:
            self.callback = callback

        def unauthenticated_userid(self, request: Any) -> Any:
            return request.GET.get("user")

    def groups(userid: Any, request: Any) -> Any:
        return ["editors"] if userid == "ann" else None

    class Root:
        __acl__ = ((Allow, "editors", "view"),)

        def __init__(self, request: Any) -> None:
            """Be made by Pyramid."""

    config.set_root_factory(Root)
    config.set_authorization_policy(ACLAuthorizationPolicy())
    config.set_authentication_policy(Policy(f(groups)))
    config.add_view(lambda request: Response(str(request.authenticated_userid)), name="who")
    secure(config)
    return {
        "/?user=ann": "200 secret",
        "/?user=eve": "403 no",
        "/who?user=ann": "200 ann",
        "/who?user=eve": "200 None",
    }


@extension_point("authorization policy", "`config.set_authorization_policy`")
def authorization_policy(config: Configurator, f: Maker) -> Exchanges:
    class Policy:
        def permits(self, context: Any, principals: Any, permission: Any) -> bool:
            return "ann" in principals

        def principals_allowed_by_permission(self, context: Any, permission: Any) -> Any:
            return {"ann"}

    def who_may(request: Any) -> Response:
        policy = request.registry.getUtility(IAuthorizationPolicy)
        allowed = policy.principals_allowed_by_permission(request.context, "view")
        return Response(str(sorted(allowed)))

    config.set_authorization_policy(of(f, Policy))
    config.set_authentication_policy(OldUsers())
    config.add_view(who_may, name="who_may")
    secure(config)
    return {"/?user=ann": "200 secret", "/": "403 no", "/who_may": "200 ['ann']"}


@extension_point("`__acl__`, a method of a resource", "—")
def acl(config: Configurator, f: Maker) -> Exchanges:
    class Top:
        __parent__ = None
        __name__ = ""

        def __acl__(self) -> Any:
            return [(Allow, "ann", "view"), (Deny, "eve", "view"), (Allow, Everyone, "look")]

        def __getitem__(self, name: str) -> Any:
            child = Child()
            child.__parent__ = self
            return child

    class Child:
        __parent__: Any = None
        __name__ = "child"

    Top.__acl__ = f(Top.__acl__)  # type: ignore[method-assign]

    class Policy(Users):
        def permits(self, request: Any, context: Any, permission: Any) -> Any:
            result = ACLHelper().permits(context, [request.identity, Everyone], permission)
            request.decided_by = type(result.context).__name__
            return result

    config.set_root_factory(lambda request: Top())
    config.set_security_policy(Policy())
    config.add_view(lambda request: Response(request.decided_by), permission="view")
    config.add_forbidden_view(lambda request: Response(request.decided_by, 403))
    return {"/child?user=ann": "200 Top", "/child?user=eve": "403 Top", "/child": "403 Child"}


@extension_point("`__acl__`, a property of a resource", "—")
def acl_property(config: Configurator, f: Maker) -> Exchanges:
    class Root:
        __acl__ = property(f(lambda self: [(Allow, "ann", "view")]))

        def __init__(self, request: Any) -> None:
            """Be made by Pyramid."""

    class Policy(Users):
        def permits(self, request: Any, context: Any, permission: Any) -> Any:
            return ACLHelper().permits(context, [request.identity], permission)

    config.set_root_factory(Root)
    config.set_security_policy(Policy())
    secure(config)
    return {"/?user=ann": "200 secret", "/?user=bob": "403 no"}


@extension_point("CSRF storage policy", "`config.set_csrf_storage_policy`")
def csrf_storage_policy(config: Configurator, f: Maker) -> Exchanges:
    class Policy:
        def new_csrf_token(self, request: Any) -> str:
            return "token"

        def get_csrf_token(self, request: Any) -> str:
            return "token"

        def check_csrf_token(self, request: Any, token: str) -> bool:
            return token == "token"

    config.set_csrf_storage_policy(of(f, Policy))
    return _protected(config)


def _protected(config: Configurator) -> Exchanges:
    """Add a view that wants a token, and one that tells the token."""
    config.add_view(secret, require_csrf=True)
    config.add_view(lambda request: Response(str(get_csrf_token(request))), name="token")
    config.add_exception_view(refused, context="pyramid.exceptions.BadCSRFToken")
    return {"/token": "200 token", "POST /?csrf_token=token": "200 secret", "POST /": "400 refused"}


@extension_point("callback of the CSRF options", "`config.set_default_csrf_options`")
def csrf_callback(config: Configurator, f: Maker) -> Exchanges:
    config.set_default_csrf_options(callback=f(lambda request: "api" not in request.GET))
    config.add_view(secret)
    config.add_exception_view(refused, context="pyramid.exceptions.BadCSRFToken")
    config.set_session_factory(lambda request: Session())
    return {"POST /?api": "200 secret", "POST /": "400 refused"}


class Session(dict[str, Any]):
    """A session without a cookie, the same for everyone."""

    def get_csrf_token(self) -> str:
        return "token"

    def new_csrf_token(self) -> str:
        return "token"


@extension_point("session factory", "`config.set_session_factory`")
def session_factory(config: Configurator, f: Maker) -> Exchanges:
    config.set_session_factory(f(lambda request: Session(user="ann")))
    config.add_view(lambda request: Response(request.session["user"]))
    return {"/": "200 ann"}


@extension_point("a session's methods that Pyramid calls", "`config.set_session_factory`")
def session_methods(config: Configurator, f: Maker) -> Exchanges:
    sessions = of(f, Session)
    config.set_session_factory(lambda request: sessions)
    return _protected(config)


@extension_point("a session that keeps the CSRF token", "`SessionCSRFStoragePolicy`")
def session_of_tokens(config: Configurator, f: Maker) -> Exchanges:
    class Store:
        tokens: dict[str, str]

        def __init__(self) -> None:
            self.tokens = {"key": "token"}

        get = f(lambda self, key, default=None: self.tokens.get(key, default))
        __setitem__ = f(lambda self, key, value: self.tokens.__setitem__(key, value))

    sessions = Store()
    config.set_session_factory(lambda request: sessions)
    config.set_csrf_storage_policy(SessionCSRFStoragePolicy("key"))
    return _protected(config)
