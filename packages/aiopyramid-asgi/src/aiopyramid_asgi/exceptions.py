"""Every exception that aiopyramid-asgi raises.

::

    AiopyramidError                     (aiopyramid_core)
    ├── ScopeNotSupported               a protocol other than HTTP and WebSocket
    ├── MountedStartupFailed            the lifespan of a mounted application has failed to start
    ├── InvalidEvent                    a mounted application has sent an event out of order
    ├── IncompleteResponse              a mounted application has returned without its response
    ├── ClientGone                      (OSError) raised in a mounted application that still sends
    └── RequestError                    (aiopyramid_core) refused; logged without a traceback
        └── ExpectationFailed               417

Invalid settings raise :class:`pyramid.exceptions.ConfigurationError`.
"""

from http import HTTPStatus

from aiopyramid_core.exceptions import AiopyramidError, RequestError

__all__ = (
    "ClientGone",
    "ExpectationFailed",
    "IncompleteResponse",
    "InvalidEvent",
    "MountedStartupFailed",
    "ScopeNotSupported",
)


class ExpectationFailed(RequestError):
    """``Expect`` asks for something other than ``100-continue`` (RFC 9110, 15.5.18)."""

    status = HTTPStatus.EXPECTATION_FAILED


class ScopeNotSupported(AiopyramidError):
    """A server has called the application for a protocol that it does not speak.

    Attributes:
        kind: The type of the scope.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"unsupported ASGI scope: {self.kind!r}, expected http, websocket or lifespan"


class MountedStartupFailed(AiopyramidError):
    """A mounted application has reported that its startup failed.

    Attributes:
        message: The report.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"The startup of a mounted ASGI application has failed: {self.message}"


class InvalidEvent(AiopyramidError, RuntimeError):
    """A mounted application has sent an event that the ASGI specification does not allow there.

    Attributes:
        kind: The type of the event.
        expected: The types that are allowed.
    """

    def __init__(self, kind: str, expected: str) -> None:
        super().__init__(kind, expected)
        self.kind = kind
        self.expected = expected

    def __str__(self) -> str:
        return f"invalid ASGI event: {self.kind!r}, expected {self.expected}"


class IncompleteResponse(AiopyramidError):
    """A mounted application has returned before its response was complete.

    Attributes:
        path: The path of the request.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"The ASGI application has returned without completing its response to {self.path}"


class ClientGone(AiopyramidError, OSError):
    """Raised by ``send`` in a mounted application whose client has disconnected."""

    def __str__(self) -> str:
        return "The client has disconnected"
