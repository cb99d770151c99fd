"""Names of groups: what they may be, and how they are written into keys."""

from typing import Final
from urllib.parse import quote

from .exceptions import InvalidGroupName

__all__ = ("check_name", "quote_name")

_MAX_LENGTH: Final = 200
"""Characters; long enough for two UUIDs and some words, short enough for a key."""


def check_name(name: object) -> str:
    """Return the name of a group.

    Raises:
        InvalidGroupName: It is not a ``str``, empty, too long, or cannot be encoded.
    """
    if not isinstance(name, str):
        raise InvalidGroupName(f"the name of a group must be a str, not {type(name).__name__}")
    if not 0 < len(name) <= _MAX_LENGTH:
        raise InvalidGroupName(
            f"the name of a group must have 1 to {_MAX_LENGTH} characters, not {len(name)}"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidGroupName(
            f"the name of a group must not contain surrogates: {name!r}"
        ) from None
    return name


def quote_name(name: str) -> str:
    """Return a name of letters, digits and ``_.-~%``, different for each name.

    Without colons, braces and asterisks, so that a name that a client chooses cannot end the hash
    tag of a key, or reach the keys of another application.
    """
    return quote(name, safe="")
