"""Status and header fields of a response: what PEP 3333 and RFC 9110 allow, for every server.

Pure: no asyncio, no sockets. A server that passes on what the application has given to
``start_response`` without asking here can be made to send more than one response: a value with a
line end in it begins a header field of the client's own choice, or a body.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from types import TracebackType
from typing import Any, Final
from wsgiref.util import is_hop_by_hop

from .contract import UPGRADE
from .exceptions import ApplicationError

__all__ = (
    "ADDED_BY_SERVERS",
    "ExcInfo",
    "check_call",
    "check_field",
    "check_final",
    "check_values",
    "has_body",
    "has_length",
    "length_of",
    "special_name",
    "status_code",
)

ADDED_BY_SERVERS: Final = ("server", "date")
"""Fields that a server may add to those of the application if it has none of its own."""

_STATUS: Final = re.compile(r"[1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Anything but HTAB, SP, VCHAR and obs-text (RFC 9110, 5.5); line ends above all.
_FORBIDDEN_IN_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


# --- The call -------------------------------------------------------------------------------------

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
"""What ``sys.exc_info()`` returns."""


def check_call(exc_info: ExcInfo | None, *, is_started: bool, is_committed: bool) -> None:
    """Check that ``start_response`` may be called (PEP 3333, "The start_response() Callable").

    Args:
        exc_info: What the application gives when it replaces a response, or None.
        is_started: Whether it was called before.
        is_committed: Whether the client has the head.

    Raises:
        ApplicationError: It was called before, and there is no ``exc_info``.
        BaseException: The exception of ``exc_info``, when it is too late to replace a response.
    """
    try:
        if exc_info is not None and exc_info[1] is not None:
            if is_committed:
                raise exc_info[1].with_traceback(exc_info[2])
        elif is_started:
            raise ApplicationError("start_response() was called twice without exc_info")
    finally:
        del exc_info  # breaks the cycle exception -> traceback -> this frame


# --- The status -----------------------------------------------------------------------------------


def status_code(status: Any) -> int:
    """Return the three digits of a status as a number.

    Args:
        status: What the application has given to ``start_response``.

    Raises:
        ApplicationError: It is malformed.
    """
    if type(status) is not str:
        raise _bad_status(status)
    return _code_of(status)


@lru_cache(maxsize=256)  # applications use the same few statuses over and over
def _code_of(status: str) -> int:
    if not _STATUS.fullmatch(status):
        raise _bad_status(status)
    return int(status[:3])


def _bad_status(status: object) -> ApplicationError:
    return ApplicationError(
        f"{status!r} is no status: three digits, a space and a reason, as a str"
    )


def check_final(status: str, code: int, *, may_switch: bool) -> None:
    """Check that a status answers a request.

    Args:
        status: The status.
        code: Its three digits.
        may_switch: Whether the connection may leave HTTP, because a protocol is there to take it.

    Raises:
        ApplicationError: It is only an interim one, or 101 without a protocol to switch to.
    """
    if code >= 200 or (code == 101 and may_switch):
        return
    if code == 101:
        raise ApplicationError(
            f"{status!r} without a protocol to switch to: pass one to environ[{UPGRADE!r}] before"
        )
    raise ApplicationError(f"{status!r} is no final answer (RFC 9110, 15.2)")


# --- Header fields --------------------------------------------------------------------------------


def check_field(field: Any) -> None:
    """Check that a header field is a tuple of two strings.

    Args:
        field: One item of the list that the application has given to ``start_response``.

    Raises:
        ApplicationError: It is not.
    """
    if type(field) is tuple and len(field) == 2:
        name, value = field
        if type(name) is str and type(value) is str:
            return
    raise ApplicationError(f"{field!r} is no header field: a tuple of two str")


@lru_cache(maxsize=256)  # and the same few names
def special_name(name: str) -> str | None:
    """Return a field's name in lower case if it concerns the connection, the length or the server.

    Args:
        name: The field's name.

    Returns:
        The name of a field that servers must not simply pass on; None for all others.

    Raises:
        ApplicationError: It is malformed.
    """
    if not _TOKEN.fullmatch(name):
        raise ApplicationError(f"the header field {name!r} has a forbidden character")
    lower = name.lower()
    special = lower == "content-length" or lower in ADDED_BY_SERVERS or is_hop_by_hop(lower)
    return lower if special else None


def check_values(fields: Iterable[tuple[str, str]]) -> None:
    """Check the values of header fields.

    Args:
        fields: Names and values.

    Raises:
        ApplicationError: One has a character that a value must not have, such as a line end.
    """
    values = "".join([value for _, value in fields])
    # The test of nearly all values first, in a tenth of the time of a regular expression.
    if (values.isascii() and values.isprintable()) or not _FORBIDDEN_IN_VALUE.search(values):
        return
    bad = next(name for name, value in fields if _FORBIDDEN_IN_VALUE.search(value))
    # The name only: the value may be what an attacker sent, or a secret.
    raise ApplicationError(f"the header field {bad!r} has a forbidden character")


# --- The length of the body -----------------------------------------------------------------------


def length_of(value: str, before: int | None = None) -> int:
    """Return the value of a ``Content-Length`` field as a number of bytes.

    Args:
        value: The field's value.
        before: What another such field of the response has said.

    Raises:
        ApplicationError: It is no number, or was given twice.
    """
    if not (value.isascii() and value.isdigit()):
        raise ApplicationError(f"Content-Length {value!r} is no number")
    if before is not None:
        raise ApplicationError("Content-Length was given twice")
    return int(value)


def has_body(method: str, code: int) -> bool:
    """Return whether a response has a body at all (RFC 9112, 6.3).

    Args:
        method: The request's method.
        code: The three digits of the status.
    """
    return method != "HEAD" and code not in (101, 204, 304) and not _is_tunnel(method, code)


def has_length(method: str, code: int) -> bool:
    """Return whether a response may tell the length of its body (RFC 9110, 8.6).

    Args:
        method: The request's method.
        code: The three digits of the status.
    """
    return code not in (101, 204) and not _is_tunnel(method, code)


def _is_tunnel(method: str, code: int) -> bool:
    return method == "CONNECT" and code < 300
