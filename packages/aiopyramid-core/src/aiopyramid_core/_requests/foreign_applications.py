"""WSGI applications that do not know where their requests run, on servers with an event loop.

An application of another framework, a Pyramid application without the include, middleware around
one with it: all of that is synchronous code, which would hold up the event loop.
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
    """A WSGI application about which somebody has given their word."""

    __slots__ = ("_application",)

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return self._application(environ, start_response)


def never_blocks(application: WSGIApplication) -> WSGIApplication:
    """Vouch for WSGI middleware that never blocks: let a server call it on its event loop.

    ::

        app = never_blocks(ProxyHeaders(config.make_wsgi_app()))

    The application inside then decides for each of its requests where it runs, as without
    middleware. A middleware that opens files or waits for a lock does block.

    Args:
        application: The outermost middleware.
    """
    return _NeverBlocks(application)


def in_threads(
    application: WSGIApplication, say: Callable[[str], object] | None = None
) -> WSGIApplication:
    """Return a WSGI application whose requests run in threads, each in one, where they have to.

    For servers on an event loop. Of a Pyramid application that includes ``aiopyramid_core`` it is
    known which requests are synchronous. Any other one, and whatever is around such an application,
    is taken for synchronous code.

    Args:
        application: What the server was given to serve.
        say: Called with a sentence for the log if all requests run in threads.

    Raises:
        IncludeMissing: By a call of the result, when a coroutine view was called in an application
            that does not include ``aiopyramid_core``.
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
            # What Pyramid and renderers say to a coroutine in the place of a response.
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
    " which coroutine views hold while they wait. If it never blocks, say"
    " aiopyramid_core.servers.never_blocks(...) around it"
)
_OF_OTHERS: Final = (
    "{} is not an application that includes aiopyramid_core: each request runs in a thread"
)
