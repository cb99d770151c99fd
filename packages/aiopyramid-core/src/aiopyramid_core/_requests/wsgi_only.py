"""The response to servers that call the application over another protocol: ASGI, RSGI.

``uvicorn app:app`` calls a Pyramid application as an ASGI application. Python would only report a
missing argument, which most servers take for an application without a lifespan: they start, and
answer every request with 500. The ASGI lifespan protocol lets the application refuse to start and
give the reason.

Specifications: PEP 3333; ASGI 3.0 and 2.0, "Lifespan Protocol" 2.0.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from ..exceptions import NotWSGI

__all__ = ("answer_other_protocol",)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def answer_other_protocol(first: Any, second: Any, *more: Any) -> Any:
    """Answer a call that is not a WSGI call, over the protocol that it seems to belong to.

    Args:
        first: The first argument of the call.
        second: The second argument, or None.
        more: The other arguments.

    Returns:
        The value that a server expects of such a call.

    Raises:
        NotWSGI: It is not a call over ASGI.
    """
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
