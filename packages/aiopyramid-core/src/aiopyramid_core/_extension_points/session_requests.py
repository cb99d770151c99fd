"""Pyramid's own policies that keep something in the session, where the session's methods await.

Pyramid calls ``request.session.get_csrf_token()`` and the like without ``await``. The application
may call the same methods with it: the session that it sees stays as it is, and Pyramid's policies
get a request whose session is awaited.
"""

from typing import Any

from .awaiting import awaited

__all__ = ("RequestOfAwaitedSession", "request_of")


class _AwaitedSession:
    """A session whose methods are awaited."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._session, name)
        if not callable(value):
            return value
        return lambda *args, **kwargs: awaited(value(*args, **kwargs))

    def __getitem__(self, key: str) -> Any:
        return awaited(self._session[key])

    def __setitem__(self, key: str, value: Any) -> None:
        awaited(self._session.__setitem__(key, value))

    def __delitem__(self, key: str) -> None:
        awaited(self._session.__delitem__(key))

    def __contains__(self, key: str) -> bool:
        return bool(awaited(self._session.__contains__(key)))


class RequestOfAwaitedSession:
    """A request that differs from the original in its session alone.

    Args:
        request: The original.
    """

    __slots__ = ("_request",)

    def __init__(self, request: Any) -> None:
        object.__setattr__(self, "_request", request)

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(self) -> Any:
        return type(self._request)

    @property
    def session(self) -> _AwaitedSession:
        """The session of the original request, awaited."""
        return _AwaitedSession(self._request.session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._request, name, value)


def request_of(request: Any) -> Any:
    """Return the original of a :class:`RequestOfAwaitedSession`, and any other request itself."""
    return request._request if type(request) is RequestOfAwaitedSession else request
