"""Every exception of aiopyramid-gunicorn; an error knows the HTTP status that answers it.

::

    AiopyramidError (aiopyramid_core)
    ├── RequestError                refused without a traceback: logged as a warning
    │   ├── BadRequest                  400
    │   ├── ForbiddenProxy              403
    │   ├── ContentTooLarge             413
    │   ├── TargetTooLong               414
    │   ├── ExpectationFailed           417
    │   ├── HeaderFieldsTooLarge        431
    │   ├── CodingNotSupported          501
    │   ├── VersionNotSupported         505
    │   └── InsufficientStorage         507
    ├── SettingNotSupported         gunicorn does not start
    └── ClientDisconnected          nobody is left to answer

What the application does wrong is an :class:`aiopyramid_core.exceptions.ApplicationError`.
"""

from http import HTTPStatus
from typing import ClassVar

from aiopyramid_core import AiopyramidError

__all__ = (
    "BadRequest",
    "ClientDisconnected",
    "CodingNotSupported",
    "ContentTooLarge",
    "ExpectationFailed",
    "ForbiddenProxy",
    "HeaderFieldsTooLarge",
    "InsufficientStorage",
    "RequestError",
    "SettingNotSupported",
    "TargetTooLong",
    "VersionNotSupported",
)


class RequestError(AiopyramidError):
    """A request that is refused before the application sees it; the connection is closed.

    Attributes:
        status: The status of the answer.

    .. versionadded:: 1.0
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class BadRequest(RequestError):
    """The bytes are not an HTTP/1.x request (RFC 9112)."""


class ForbiddenProxy(RequestError):
    """A PROXY header came from an address that is not in ``proxy_allow_ips``."""

    status = HTTPStatus.FORBIDDEN


class ContentTooLarge(RequestError):
    """The request body is larger than the worker's ``body_limit_bytes`` (RFC 9110, 15.5.14)."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TargetTooLong(RequestError):
    """The request line is longer than ``limit_request_line`` (RFC 9110, 15.5.15)."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG


class ExpectationFailed(RequestError):
    """``Expect`` asks for something other than ``100-continue`` (RFC 9110, 15.5.18)."""

    status = HTTPStatus.EXPECTATION_FAILED


class HeaderFieldsTooLarge(RequestError):
    """There are more or longer header fields than gunicorn's settings allow (RFC 6585, 5)."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class CodingNotSupported(RequestError):
    """The body has a transfer coding besides ``chunked`` (RFC 9112, 6.1)."""

    status = HTTPStatus.NOT_IMPLEMENTED


class VersionNotSupported(RequestError):
    """The request is not HTTP/1.0 or HTTP/1.1 (RFC 9110, 15.6.6)."""

    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED


class InsufficientStorage(RequestError):
    """There is no room to keep the body: no disk space, no descriptor (RFC 4918, 11.5)."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class ClientDisconnected(AiopyramidError):
    """The client went away while its response was being sent.

    .. versionadded:: 1.0
    """


class SettingNotSupported(AiopyramidError):
    """One of gunicorn's settings asks for what this worker cannot do.

    .. versionadded:: 1.0
    """
