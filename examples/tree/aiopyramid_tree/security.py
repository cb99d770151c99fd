"""Who is asking, and what they may do: an ordinary security policy of Pyramid."""

import hmac
from typing import Any

from pyramid.authentication import extract_http_basic_credentials
from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.request import Request


class BasicAuthPolicy:
    """Users log in by HTTP Basic authentication (RFC 7617); access control lists decide.

    Args:
        users: Lines with a name and a password each.
    """

    def __init__(self, users: str) -> None:
        self.passwords = dict(line.split() for line in users.split("\n") if line.strip())
        self.acl = ACLHelper()

    def identity(self, request: Request) -> str | None:
        credentials = extract_http_basic_credentials(request)
        if credentials is None:
            return None
        password = self.passwords.get(credentials.username, "")
        known = hmac.compare_digest(password.encode(), credentials.password.encode())
        return credentials.username if known and password else None

    authenticated_userid = identity

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        user = self.identity(request)
        principals = [Everyone] if user is None else [Everyone, Authenticated, user]
        return self.acl.permits(context, principals, permission)
