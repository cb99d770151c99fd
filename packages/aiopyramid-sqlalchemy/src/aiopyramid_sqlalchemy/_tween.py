"""The commit of a request's sessions, in applications without ``pyramid_tm``."""

from collections.abc import Callable
from typing import Any

from ._retryable import mark_if_retryable
from ._sessions import OWNER, sessions_of

__all__ = ("commit_tween_factory",)


def commit_tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Make a tween that commits when the view has succeeded, before the response is sent.

    It is below the exception views: an exception, of the commit as well, rolls back and then
    becomes a response.

    Args:
        handler: The next tween or the router.
        registry: The application's registry.
    """

    def commit_tween(request: Any) -> Any:
        request.environ[OWNER] = request
        try:
            response = handler(request)
            sessions_of(request).finish("commit")
        except Exception as error:
            mark_if_retryable(error)
            sessions_of(request).finish("rollback")
            raise
        finally:
            del request.environ[OWNER]
        return response

    return commit_tween
