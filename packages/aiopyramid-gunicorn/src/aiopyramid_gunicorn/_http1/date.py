"""The Date field of a response (RFC 9110, 6.6.1)."""

import time
from email.utils import formatdate

__all__ = ("date_line",)

_date: tuple[int, str] = (0, "")


def date_line() -> str:
    """Return the Date field, which is formatted once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n")
    return _date[1]
