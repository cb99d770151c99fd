"""How a request that has failed is logged, and with which response it is answered."""

import asyncio
from http import HTTPStatus
from typing import Any

from ..exceptions import ClientDisconnected, RequestError

__all__ = ("plain_text", "report_failure")


def report_failure(
    error: BaseException, request: str, logger: Any, *, client_is_gone: bool = False
) -> HTTPStatus | None:
    """Log why a request has failed; to be called where the exception is handled.

    Any exception may come out of an application: ``sys.exit()`` in a view must not end the server,
    which serves other requests as well. See :func:`.kills_greenlet` for those that have to be
    raised nevertheless.

    Args:
        error: The exception.
        request: The name of the request in the log, such as ``"GET /path"``.
        logger: A ``logging.Logger``, or an object with the same methods.
        client_is_gone: Whether the client has disconnected.

    Returns:
        The status with which to answer; None if there is no client to answer.
    """
    if isinstance(error, RequestError):
        logger.warning("%s: %s", request, error)
        return error.status
    if isinstance(error, ClientDisconnected):
        logger.debug("%s: %s", request, error)
        return None
    if isinstance(error, asyncio.CancelledError):
        if client_is_gone:  # the usual reason
            return None
        logger.warning("%s was cancelled before its response was complete", request)
        return HTTPStatus.SERVICE_UNAVAILABLE
    logger.error("Error handling request %s", request, exc_info=error)
    return HTTPStatus.INTERNAL_SERVER_ERROR


def plain_text(
    status: HTTPStatus, detail: str | None = None
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return a response in plain text to a request that has failed.

    Args:
        status: The status.
        detail: A sentence for the client; None for the status' phrase.

    Returns:
        The status line without the version, the header fields, and the body.
    """
    body = f"{detail or status.phrase}\n".encode()
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    return f"{status.value} {status.phrase}", fields, body
