"""Requests in the threads of a synchronous WSGI server.

Such a thread serves one request after the other, and keeps its context variables. Here each request
gets a context of its own, and everything in it may await: the request factory, an execution policy
such as that of ``pyramid_retry``, all that Pyramid calls, and the body, which the server iterates
when Pyramid's part is over.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from .._bridge.from_thread import ThreadScope, serving
from .._bridge.process_loop import process_loop
from .._isolation.scope import current_scope
from .._isolation.transactions import scope_of_this_thread

__all__ = ("RequestInServerThread",)

P = ParamSpec("P")
T = TypeVar("T")


class RequestInServerThread:
    """The context of one request, and its permission to wait."""

    def __init__(self) -> None:
        self._context = copy_context()
        # The process's event loop is started no sooner than something awaits.
        self._scope = ThreadScope(process_loop)
        self._request_scope = scope_of_this_thread()
        self._context.run(current_scope.set, self._request_scope)

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the context of the request."""
        try:
            return self._context.run(self._serve, function, *args, **kwargs)
        except Exception:
            raise  # whoever has begun something has seen it, and has ended what was begun
        except BaseException:
            self._context.run(self._request_scope.clean_up)
            raise

    def body_of(self, response: Any) -> Callable[..., Iterable[bytes]]:
        """Return what calls a response, and has its body iterated in the context of the request.

        Args:
            response: What an execution policy returned.
        """

        def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            body: Iterable[bytes] = self.call(response, environ, start_response)
            wrapper = environ.get("wsgi.file_wrapper")
            if type(body) is list or (isinstance(wrapper, type) and isinstance(body, wrapper)):
                self.end()
                return body  # nothing in it awaits, and the server knows what to do with it
            return _Body(body, self)

        return respond

    def end(self) -> None:
        """The request has ended, its body included."""
        self._request_scope.end()

    def _serve(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with serving(self._scope):
            return function(*args, **kwargs)


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
