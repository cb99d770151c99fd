"""Every exception of aiopyramid-gunicorn; each request error has the HTTP status of its response.

::

    AiopyramidError (aiopyramid_core)
    ├── RequestError (aiopyramid_core)
    │   ├── ForbiddenProxy              403
    │   ├── TargetTooLong               414
    │   ├── ExpectationFailed           417
    │   ├── HeaderFieldsTooLarge        431
    │   └── VersionNotSupported         505
    └── SettingNotSupported         gunicorn does not start

Exceptions that other servers raise as well are in :mod:`aiopyramid_core.exceptions`.
"""

from http import HTTPStatus

from aiopyramid_core.exceptions import AiopyramidError, RequestError

__all__ = (
    "ExpectationFailed",
    "ForbiddenProxy",
    "HeaderFieldsTooLarge",
    "SettingNotSupported",
    "TargetTooLong",
    "VersionNotSupported",
)


class ForbiddenProxy(RequestError):
    """A PROXY header came from an address that is not in ``proxy_allow_ips``."""

    status = HTTPStatus.FORBIDDEN


class TargetTooLong(RequestError):
    """The request line is longer than ``limit_request_line`` (RFC 9110, 15.5.15)."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG


class ExpectationFailed(RequestError):
    """``Expect`` asks for something other than ``100-continue`` (RFC 9110, 15.5.18)."""

    status = HTTPStatus.EXPECTATION_FAILED


class HeaderFieldsTooLarge(RequestError):
    """There are more or longer header fields than gunicorn's settings allow (RFC 6585, 5)."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class VersionNotSupported(RequestError):
    """The request is not HTTP/1.0 or HTTP/1.1 (RFC 9110, 15.6.6)."""

    status = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED


class SettingNotSupported(AiopyramidError):
    """One of gunicorn's settings asks for something that this worker cannot do."""
