"""The response to servers that call the application over another protocol: ASGI, RSGI.

``uvicorn app:app`` calls a Pyramid application as an ASGI application. Python would only report a
missing argument, which most servers take for an application without a lifespan: they start, and
answer every request with 500. The ASGI lifespan protocol lets the application refuse to start and
give the reason.

Specifications: PEP 3333; ASGI 3.0 and 2.0, "Lifespan Protocol" 2.0.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from pyramid.router import Router

from ..exceptions import NotWSGI

__all__ = ("explain_wsgi",)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def explain_wsgi(router: Any) -> None:
    """Let a Pyramid application answer servers that do not call it over WSGI.

    Args:
        router: The application, changed in place. An instance of a subclass is left unchanged.
    """
    if type(router) is Router:
        router.__class__ = _ExplainingRouter


class _ExplainingRouter(Router):
    def __call__(self, environ: Any, start_response: Any = None, *more: Any) -> Any:
        if start_response is None or more or type(environ) is not dict:
            return _answer(environ, start_response, *more)
        return super().__call__(environ, start_response)


def _answer(first: Any, second: Any, *more: Any) -> Any:
    """Answer a call that is not a WSGI call, over the protocol that it seems to belong to."""
    if callable(first) and callable(second):  # ASGI 2: the result of a function of ours is called
        return _explain(first, second)
    if type(first) is dict and "asgi" in first:
        if second is None:  # ASGI 2
            return _explain
        return _explain(second, *more)
    raise NotWSGI


async def _explain(receive: Receive, send: Send) -> None:
    """Report the error over ASGI."""
    message = await receive()
    if message["type"] != "lifespan.startup":
        raise NotWSGI
    await send({"type": "lifespan.startup.failed", "message": str(NotWSGI())})
