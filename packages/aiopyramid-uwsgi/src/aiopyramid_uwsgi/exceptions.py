"""Every exception of aiopyramid-uwsgi.

::

    AiopyramidError (aiopyramid_core)
    ├── EngineMissing           uWSGI runs without an option that the application needs
    ├── NotNative               uWSGI's native WebSocket functions cannot do this
    └── RequestError (aiopyramid_core)
        └── BodyNotReceived         408

Exceptions that other servers raise as well are in :mod:`aiopyramid_core.exceptions`.
"""

from http import HTTPStatus

from pyramid.exceptions import ConfigurationError

from aiopyramid_core.exceptions import AiopyramidError, RequestError

__all__ = (
    "BodyNotReceived",
    "EngineMissing",
    "NotNative",
)


class EngineMissing(AiopyramidError, ConfigurationError):
    """uWSGI runs without an option that the application needs.

    Attributes:
        option: The option to add to uWSGI's command line.
        consequence: The consequence of its absence, as a sentence.
    """

    def __init__(self, option: str, consequence: str) -> None:
        super().__init__(option, consequence)
        self.option = option
        self.consequence = consequence

    def __str__(self) -> str:
        return (
            f"uWSGI was started without {self.option}. {self.consequence} Add {self.option} to its"
            f" command line, or the line '{_as_in_ini(self.option)}' to the [uwsgi] section of its"
            " ini file. If uWSGI does not know the option, it was built without support for it: see"
            " the README of aiopyramid-uwsgi for the commands that build it."
        )


def _as_in_ini(option: str) -> str:
    name, _, value = option.removeprefix("--").partition(" ")
    return f"{name} = {value or 'true'}"


class NotNative(AiopyramidError, NotImplementedError):
    """uWSGI's native WebSocket functions cannot do what a handler has requested.

    Attributes:
        what: The requested operation.
        why: The reason why it is impossible, as a sentence.
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


class BodyNotReceived(RequestError):
    """The client went away or was too slow with the request's body (RFC 9110, 15.5.9)."""

    status = HTTPStatus.REQUEST_TIMEOUT
