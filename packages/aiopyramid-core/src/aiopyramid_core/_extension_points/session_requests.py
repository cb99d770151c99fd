"""Requests for Pyramid's own policies, whose session awaits its coroutine methods.

Pyramid calls methods such as ``request.session.get_csrf_token()`` without ``await``. The
application may call the same methods with it, so its session is not changed, and Pyramid's policies
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
    """A proxy of a request with another session.

    Args:
        request: The application's request.
    """

    __slots__ = ("_request",)

    def __init__(self, request: Any) -> None:
        object.__setattr__(self, "_request", request)

    @property  # type: ignore[misc]  # never set
    def __class__(self) -> Any:
        return type(self._request)

    @property
    def session(self) -> _AwaitedSession:
        """The session of the request, whose methods are awaited."""
        return _AwaitedSession(self._request.session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._request, name, value)


def request_of(request: Any) -> Any:
    """Return the request inside a proxy, and any other request itself."""
    return request._request if type(request) is RequestOfAwaitedSession else request
