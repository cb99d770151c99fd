"""Every exception that aiopyramid-asgi raises.

::

    AiopyramidError                     (aiopyramid_core)
    ├── ScopeNotSupported               a protocol other than HTTP and WebSocket
    └── RequestError                    (aiopyramid_core) refused; logged without a traceback
        ├── BodyTooSlow                     408
        └── ExpectationFailed               417

Invalid settings raise :class:`pyramid.exceptions.ConfigurationError`.
"""

from http import HTTPStatus

from aiopyramid_core.exceptions import AiopyramidError, RequestError

__all__ = ("BodyTooSlow", "ExpectationFailed", "ScopeNotSupported")


class BodyTooSlow(RequestError):
    """The client has paused for too long in the middle of a request's body (RFC 9110, 15.5.9)."""

    status = HTTPStatus.REQUEST_TIMEOUT


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
