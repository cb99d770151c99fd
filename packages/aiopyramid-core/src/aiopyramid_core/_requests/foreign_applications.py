"""WSGI applications that do not place their requests, on servers with an event loop.

An application of another framework, a Pyramid application without the include, and middleware
around one with it are synchronous code, which would block the event loop.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from pyramid.router import Router

from .._applications import includes_any_application
from ..exceptions import IncludeMissing
from ..lifespan import is_installed
from .execution import placed
from .in_thread import StartResponse, WSGIApplication
from .on_behalf import respond_in_thread

__all__ = ("in_threads", "never_blocks")


class _NeverBlocks:
    """A WSGI application that is declared never to block."""

    __slots__ = ("_application",)

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return self._application(environ, start_response)


def never_blocks(application: WSGIApplication) -> WSGIApplication:
    """Declare that WSGI middleware never blocks, so that a server calls it on its event loop.

    ::

        app = never_blocks(ProxyHeaders(config.make_wsgi_app()))

    The application inside then decides for each of its requests where it runs, as without
    middleware. Middleware that opens files or waits for a lock does block.

    Args:
        application: The outermost middleware.
    """
    return _NeverBlocks(application)


def in_threads(
    application: WSGIApplication, say: Callable[[str], object] | None = None
) -> WSGIApplication:
    """Return a WSGI application that runs each request in a thread if it has to.

    For servers on an event loop. A Pyramid application that includes ``aiopyramid_core`` knows
    which of its requests are synchronous. Any other application, and any middleware around such an
    application, is treated as synchronous code.

    Args:
        application: The application that the server serves.
        say: Called with a sentence for the log if all requests run in threads.

    Raises:
        IncludeMissing: A coroutine view was called in an application that does not include
            ``aiopyramid_core``. Raised when the result is called.
    """
    if type(application) is _NeverBlocks:
        return application
    is_router = isinstance(application, Router)
    if is_router and is_installed(application.registry):  # type: ignore[attr-defined]
        return placed(application)
    if say is not None:
        say(_sentence(application, is_router=is_router))

    def application_in_thread(
        environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            return respond_in_thread(application, environ, start_response)
        except (TypeError, ValueError) as error:
            # The errors of Pyramid and of renderers for a coroutine instead of a response.
            if is_router and "coroutine" in str(error):
                raise IncludeMissing() from error
            raise

    return application_in_thread


def _sentence(application: Any, *, is_router: bool) -> str:
    if is_router:
        return _WITHOUT_INCLUDE
    name = getattr(application, "__qualname__", None) or type(application).__qualname__
    where = f"{getattr(application, '__module__', type(application).__module__)}.{name}"
    return (_AROUND if includes_any_application() else _OF_OTHERS).format(where)


_WITHOUT_INCLUDE: Final = (
    "The application does not include aiopyramid_core: each request runs in a thread, and views"
    " cannot be coroutines. Call config.include('aiopyramid_core')"
)
_AROUND: Final = (
    "{} is around an application that includes aiopyramid_core: each request runs in a thread,"
    " which coroutine views hold while they wait. If it never blocks, wrap"
    " it in aiopyramid_core.servers.never_blocks(...)"
)
_OF_OTHERS: Final = (
    "{} is not an application that includes aiopyramid_core: each request runs in a thread"
)
