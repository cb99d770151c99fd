"""Every exception of aiopyramid-uwsgi.

::

    AiopyramidError (aiopyramid_core)
    ├── EngineMissing           uWSGI runs without an option that the application needs
    ├── NotNative               uWSGI's native WebSocket functions cannot do this
    ├── RequestError            the client's fault: logged as a warning, no traceback
    │   ├── BadRequest              400
    │   ├── BodyNotReceived         408
    │   ├── ContentTooLarge         413
    │   ├── CodingNotSupported      501
    │   └── InsufficientStorage     507
    └── ClientDisconnected      nobody is left to answer

What the application does wrong is an :class:`aiopyramid_core.exceptions.ApplicationError`.
"""

from http import HTTPStatus
from typing import ClassVar

from pyramid.exceptions import ConfigurationError

from aiopyramid_core import AiopyramidError

__all__ = (
    "BadRequest",
    "BodyNotReceived",
    "ClientDisconnected",
    "CodingNotSupported",
    "ContentTooLarge",
    "EngineMissing",
    "InsufficientStorage",
    "NotNative",
    "RequestError",
)


class EngineMissing(AiopyramidError, ConfigurationError):
    """uWSGI runs without an option that the application needs.

    Attributes:
        option: What to add to uWSGI's command line.
        consequence: What would happen otherwise, a sentence.

    .. versionadded:: 1.0
    """

    def __init__(self, option: str, consequence: str) -> None:
        super().__init__(option, consequence)
        self.option = option
        self.consequence = consequence

    def __str__(self) -> str:
        return (
            f"uWSGI was started without {self.option}. {self.consequence} Add {self.option} to its"
            f" command line, or the line '{_as_in_ini(self.option)}' to the [uwsgi] section of its"
            " ini file. If uWSGI does not know the option, it was built without: see the README of"
            " aiopyramid-uwsgi for the commands that build it."
        )


def _as_in_ini(option: str) -> str:
    name, _, value = option.removeprefix("--").partition(" ")
    return f"{name} = {value or 'true'}"


class NotNative(AiopyramidError, NotImplementedError):
    """uWSGI's native WebSocket functions cannot do what a handler has asked for.

    Attributes:
        what: What was asked for.
        why: What stands in the way, a sentence.

    .. versionadded:: 1.0
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what = what
        self.why = why

    def __str__(self) -> str:
        return (
            f"{self.what} does not work with native=True. {self.why} Use the mapper without it,"
            " behind a proxy that does TLS."
        )


class RequestError(AiopyramidError):
    """A request that is refused before the application sees it.

    Attributes:
        status: The status of the answer.

    .. versionadded:: 1.0
    """

    status: ClassVar[HTTPStatus]


class BadRequest(RequestError):
    """The length of the body makes no sense (RFC 9110, 8.6; RFC 9112, 6.3)."""

    status = HTTPStatus.BAD_REQUEST


class BodyNotReceived(RequestError):
    """The client went away or was too slow with the request's body (RFC 9110, 15.5.9)."""

    status = HTTPStatus.REQUEST_TIMEOUT


class ContentTooLarge(RequestError):
    """The body exceeds ``aiopyramid.uwsgi.body_limit_bytes`` (RFC 9110, 15.5.14)."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class InsufficientStorage(RequestError):
    """There is no room to keep the body: no disk space, no descriptor (RFC 4918, 11.5)."""

    status = HTTPStatus.INSUFFICIENT_STORAGE


class CodingNotSupported(RequestError):
    """The body has a transfer coding besides ``chunked`` (RFC 9112, 6.1)."""

    status = HTTPStatus.NOT_IMPLEMENTED


class ClientDisconnected(AiopyramidError):
    """The client went away while its response was being sent.

    .. versionadded:: 1.0
    """
