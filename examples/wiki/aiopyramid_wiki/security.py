"""A policy that looks its user up in the database, as the tutorial's does."""

from typing import Any

from .models import User


class SecurityPolicy:
    """Takes the user's name from a cookie: this is an example, and needs no password."""

    def identity(self, request: Any) -> User | None:
        """Return the user, by a query of synchronous code, which waits."""
        name = request.cookies.get("user")
        if name is None:
            return None
        return request.dbsession.query(User).filter_by(name=name).one_or_none()

    def authenticated_userid(self, request: Any) -> str | None:
        user = request.identity
        return None if user is None else user.name

    def permits(self, request: Any, context: Any, permission: str) -> bool:
        return request.identity is not None

    def remember(self, request: Any, userid: str, **options: Any) -> list[tuple[str, str]]:
        return [("Set-Cookie", f"user={userid}; Path=/; HttpOnly; SameSite=Lax")]

    def forget(self, request: Any, **options: Any) -> list[tuple[str, str]]:
        return [("Set-Cookie", "user=; Path=/; Max-Age=0")]


def includeme(config: Any) -> None:
    config.set_security_policy(SecurityPolicy())
