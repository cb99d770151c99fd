"""Status and header fields of a response, one by one: what is allowed, and what is the server's.

Pure: no asyncio, no sockets.
"""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from typing import Final
from wsgiref.util import is_hop_by_hop

from .exceptions import ApplicationError

__all__ = (
    "FORBIDDEN_IN_VALUE",
    "OURS_UNLESS_GIVEN",
    "bad_field",
    "bad_status",
    "code_of",
    "date_line",
    "special_name",
)

OURS_UNLESS_GIVEN: Final = ("server", "date")
"""Fields that are added to those of the application if it has none of its own."""

FORBIDDEN_IN_VALUE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
"""Anything but HTAB, SP, VCHAR and obs-text (RFC 9110, 5.5); line ends above all."""

_STATUS: Final = re.compile(r"[1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

_date: tuple[int, str] = (0, "")


@lru_cache(maxsize=256)  # applications use the same few statuses over and over
def code_of(status: str) -> int:
    """Return the three digits of a status line as a number.

    Raises:
        ApplicationError: It is malformed.
    """
    if not _STATUS.fullmatch(status):
        raise bad_status(status)
    return int(status[:3])


@lru_cache(maxsize=256)  # and the same few names
def special_name(name: str) -> str | None:
    """Return a field's name in lower case if the field is not simply passed on, or None.

    Raises:
        ApplicationError: It is malformed.
    """
    if not _TOKEN.fullmatch(name):
        raise ApplicationError(f"the header field {name!r} has a forbidden character")
    lower = name.lower()
    special = lower == "content-length" or lower in OURS_UNLESS_GIVEN or is_hop_by_hop(lower)
    return lower if special else None


def date_line() -> str:
    """Return the Date field; it is formatted once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n")
    return _date[1]


def bad_status(status: object) -> ApplicationError:
    """Return what is raised for something that is no status."""
    return ApplicationError(
        f"{status!r} is no status: three digits, a space and a reason, as a str"
    )


def bad_field(field: object) -> ApplicationError:
    """Return what is raised for something that is no header field."""
    return ApplicationError(f"{field!r} is no header field: a tuple of two str")
