"""One line per request through gunicorn's own logger and format, and its statsd counters."""

from datetime import timedelta
from typing import Any, Final

from gunicorn.glogging import Logger

from ._http1.head import RequestHead
from ._http1.request import GunicornRequest
from ._http1.response import Response

__all__ = ("AccessLog",)

_NOBODY_LEFT: Final = "499 Client Closed Request"
"""The status that is logged if the client left before the response: nginx's status for that.

gunicorn's logger for statsd needs a number.
"""


class AccessLog:
    """Hands finished requests to gunicorn's logger.

    Args:
        logger: The worker's logger, an instance of gunicorn's ``logger_class``.

    Attributes:
        enabled: Whether anything would be logged; otherwise collecting the data can be skipped.
    """

    __slots__ = ("_logger", "enabled")

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        # A logger with an access() of its own counts requests even when it writes no line.
        self.enabled: bool = type(logger).access is not Logger.access or logger.access_log_enabled

    def log(
        self,
        head: RequestHead | None,
        response: Response,
        environ: dict[str, Any],
        seconds: float,
        *,
        client_left: bool = False,
    ) -> None:
        """Log one request; exceptions of the logger are not passed on.

        Args:
            head: The request's head, None if it could not be parsed.
            response: The response.
            environ: The request's environ. Missing keys that gunicorn's atoms need are filled in.
            seconds: How long the request took.
            client_left: Whether the client had closed its side before the response began.
        """
        if not self.enabled:
            return
        if client_left or response.status is None:
            response.status = _NOBODY_LEFT
        unknown = {"REQUEST_METHOD": "-", "RAW_URI": "-", "SERVER_PROTOCOL": "-"}
        try:
            request = GunicornRequest() if head is None else GunicornRequest.of(head, environ)
            self._logger.access(response, request, unknown | environ, timedelta(seconds=seconds))
        except Exception:
            # The logger may be the site's own, and the application may have changed the environ.
            # The client has its response already.
            self._logger.exception("The access log has failed")
