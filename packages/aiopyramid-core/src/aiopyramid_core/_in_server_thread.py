"""Requests in the threads of an ordinary WSGI server.

Such a thread serves one request after the other, and keeps its context variables. Here each request
gets a context of its own, and everything in it may await: the request factory, an execution policy
such as that of ``pyramid_retry``, all that Pyramid calls, and the body, which the server iterates
when Pyramid's part is over.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from pyramid.interfaces import IExecutionPolicy
from pyramid.router import default_execution_policy

from ._bridge import in_bridge
from ._portal import ThreadScope, may_wait, serving
from ._process_loop import process_loop
from .scope import on_a_loop

__all__ = ("wrap_execution_policy",)

P = ParamSpec("P")
T = TypeVar("T")

Policy = Callable[[dict[str, Any], Any], Any]


def wrap_execution_policy(registry: Any) -> None:
    """Make an application's execution policy, its own or the default, serve threads as above.

    Args:
        registry: The application's registry, all of whose configuration is done.
    """
    policy = registry.queryUtility(IExecutionPolicy, default=default_execution_policy)
    registry.registerUtility(_wrapped(policy), IExecutionPolicy)


def _wrapped(policy: Policy) -> Policy:
    def execution_policy(environ: dict[str, Any], router: Any) -> Any:
        if in_bridge() or may_wait() or on_a_loop():
            return policy(environ, router)
        request = _RequestInThread()
        response = request.call(policy, environ, router)

        def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            body: Iterable[bytes] = request.call(response, environ, start_response)
            wrapper = environ.get("wsgi.file_wrapper")
            if type(body) is list or (isinstance(wrapper, type) and isinstance(body, wrapper)):
                return body  # nothing in it awaits, and the server knows what to do with it
            return _Body(body, request)

        return respond

    return execution_policy


class _RequestInThread:
    """The context of one request, and its permission to wait."""

    def __init__(self) -> None:
        self._context = copy_context()
        # The process's event loop is started no sooner than something awaits.
        self._scope = ThreadScope(process_loop)

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._context.run(self._serve, function, *args, **kwargs)

    def _serve(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with serving(self._scope):
            return function(*args, **kwargs)


class _Body:
    """A response body that is iterated and closed in the context of its request."""

    def __init__(self, body: Iterable[bytes], request: _RequestInThread) -> None:
        self._body = body
        self._request = request
        self._iterator = request.call(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._request.call(next, self._iterator)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            self._request.call(close)
