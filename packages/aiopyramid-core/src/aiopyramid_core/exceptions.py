"""Every exception that aiopyramid-core raises.

::

    AiopyramidError
    ├── ScopeError          a synchronized call was made where nothing can wait for it
    ├── StartupError        a function of config.add_startup has failed
    ├── AlreadyShutDown     spawn() after the application has stopped
    ├── IncludeMissing      a coroutine view in an application that does not include the package
    ├── NotWSGI             a server called the application over another protocol
    ├── NotServed           a server for tests did not start
    │
    │   raised by servers:
    ├── ApplicationError        the application broke the WSGI protocol
    ├── ClientDisconnected      the client went away during its response
    │   └── UploadAborted           (OSError) or while its body was read
    └── RequestError            refused; logged as a warning, without a traceback
        ├── BadRequest              400
        ├── BodyTooSlow             408
        ├── ContentTooLarge         413
        ├── CodingNotSupported      501
        └── InsufficientStorage     507

Programming errors for which Pyramid has an exception (a view mapped by the wrong mapper, an invalid
setting) raise :class:`pyramid.exceptions.ConfigurationError`. A request that exceeds its time limit
raises :class:`aiopyramid_core.timeouts.RequestTimeout`, an HTTP exception.
"""

from http import HTTPStatus
from typing import ClassVar

__all__ = (
    "AiopyramidError",
    "AlreadyShutDown",
    "ApplicationError",
    "BadRequest",
    "BodyTooSlow",
    "ClientDisconnected",
    "CodingNotSupported",
    "ContentTooLarge",
    "IncludeMissing",
    "InsufficientStorage",
    "NotServed",
    "NotWSGI",
    "RequestError",
    "ScopeError",
    "StartupError",
    "UploadAborted",
)


class AiopyramidError(Exception):
    """Base class of all exceptions of the aiopyramid packages."""


class ScopeError(AiopyramidError, RuntimeError):
    """An awaitable was handed to synchronous code in a place where nothing can wait for it.

    Attributes:
        what: The callable or awaitable that was refused, as shown in the message.
        where: The place of the call, a phrase such as "on the event loop's own thread".
        remedy: Advice for the caller, an imperative sentence.
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"Cannot wait for {self.what} {self.where}. {self.remedy}"


class StartupError(AiopyramidError):
    """A startup function has failed, so the application cannot serve requests.

    Attributes:
        function: The name of the function.
        error: The exception that it raised.
    """

    def __init__(self, function: str, error: Exception) -> None:
        super().__init__(function, error)
        self.function = function
        self.error = error

    def again(self) -> "StartupError":
        """Return a copy for another request, because one instance would collect tracebacks."""
        return StartupError(self.function, self.error)

    def __str__(self) -> str:
        return (
            f"The startup function {self.function} has failed:"
            f" {type(self.error).__name__}: {self.error}"
        )


class AlreadyShutDown(AiopyramidError):
    """A background task cannot start because the application has already stopped.

    Attributes:
        coroutine: The name of the coroutine, which was closed.
    """

    def __init__(self, coroutine: str) -> None:
        super().__init__(coroutine)
        self.coroutine = coroutine

    def __str__(self) -> str:
        return f"Cannot start {self.coroutine}: the application has shut down"


class IncludeMissing(AiopyramidError):
    """A view is a coroutine, in an application that does not include ``aiopyramid_core``."""

    def __str__(self) -> str:
        return (
            "A view of this application is a coroutine, but the application does not include"
            " aiopyramid_core, which would await it. Call config.include('aiopyramid_core')"
        )


class NotWSGI(AiopyramidError, TypeError):
    """A server called the application over a protocol other than WSGI, such as ASGI."""

    def __str__(self) -> str:
        return (
            "A Pyramid application is a WSGI application (PEP 3333), and this server calls it by"
            " another protocol, such as ASGI. Serve it by a WSGI server, on which coroutines work,"
            " too: by gunicorn with the worker of aiopyramid-gunicorn (gunicorn"
            " -k aiopyramid_gunicorn.worker.AsyncGunicornWorker app:app), by uWSGI with"
            " aiopyramid-uwsgi, or by any other, such as waitress. For ASGI servers, wrap it:"
            " aiopyramid_asgi.asgi(app) (install aiopyramid-asgi)"
        )


class NotServed(AiopyramidError):
    """An application could not be served for a test.

    Attributes:
        server: The kind of server.
        reason: The reason, a clause; may include the server's output.
    """

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(server, reason)
        self.server = server
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.server} does not serve the application: {self.reason}"


# --- Raised by servers ----------------------------------------------------------------------------


class ApplicationError(AiopyramidError):
    """The application broke the WSGI protocol (PEP 3333)."""


class ClientDisconnected(AiopyramidError):
    """The client went away while its response was being sent."""


class UploadAborted(ClientDisconnected, OSError):
    """The client went away before the body of its request was complete."""


class RequestError(AiopyramidError):
    """A request that is refused before the application sees it.

    Attributes:
        status: The status of the response.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class BadRequest(RequestError):
    """The bytes are not a valid HTTP/1.x request (RFC 9112)."""


class BodyTooSlow(RequestError):
    """The client has paused for too long in the middle of a request's body (RFC 9110, 15.5.9)."""

    status = HTTPStatus.REQUEST_TIMEOUT


class ContentTooLarge(RequestError):
    """The request body is larger than the server's limit (RFC 9110, 15.5.14)."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class CodingNotSupported(RequestError):
    """The body has a transfer coding other than ``chunked`` (RFC 9112, 6.1)."""

    status = HTTPStatus.NOT_IMPLEMENTED


class InsufficientStorage(RequestError):
    """The body cannot be stored: no disk space or no file descriptor is left (RFC 4918, 11.5)."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
