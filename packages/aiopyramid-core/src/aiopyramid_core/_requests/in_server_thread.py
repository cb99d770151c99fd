"""Requests in the threads of a synchronous WSGI server.

Such a thread serves one request after another and keeps its context variables. Here each request
gets a context of its own, and everything in it may await: the request factory, an execution policy
such as that of ``pyramid_retry``, all code that Pyramid calls, and the body, which the server
iterates after Pyramid has returned.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from .._bridge.from_thread import ThreadScope
from .._bridge.process_loop import process_loop
from .._bridge.sqlalchemy import call_serving
from .._isolation.scope import current_scope
from .._isolation.transactions import scope_of_this_thread

__all__ = ("RequestInServerThread",)

P = ParamSpec("P")
T = TypeVar("T")


class RequestInServerThread:
    """The context of one request, and its permission to wait."""

    def __init__(self) -> None:
        self._context = copy_context()
        # The process's event loop is not started before the request awaits.
        self._scope = ThreadScope(process_loop)
        self._request_scope = scope_of_this_thread()
        self._context.run(current_scope.set, self._request_scope)

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the context of the request."""
        try:
            return self._context.run(call_serving, self._scope, function, *args, **kwargs)
        except Exception:
            raise  # the code that began any work has seen the error and has ended that work
        except BaseException:
            self._context.run(self._request_scope.clean_up)
            raise

    def body_of(self, response: Any) -> Callable[..., Iterable[bytes]]:
        """Return a WSGI callable that runs a response and its body in the context of the request.

        Args:
            response: The response that an execution policy returned.
        """

        def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            body: Iterable[bytes] = self.call(response, environ, start_response)
            wrapper = environ.get("wsgi.file_wrapper")
            if type(body) is list or (isinstance(wrapper, type) and isinstance(body, wrapper)):
                self.end()
                return body  # it does not await, and the server has a fast path for it
            return _Body(body, self)

        return respond

    def end(self) -> None:
        """End the request, after its body."""
        self._request_scope.has_ended = True


class _Body:
    """A response body that is iterated and closed in the context of its request."""

    def __init__(self, body: Iterable[bytes], request: RequestInServerThread) -> None:
        self._body = body
        self._request = request
        self._iterator = request.call(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._request.call(next, self._iterator)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                self._request.call(close)
        finally:
            self._request.end()
