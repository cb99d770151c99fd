"""The parts of a response that uWSGI sends, checked: uWSGI itself sends whatever it is given.

Pure: no asyncio, no ``uwsgi``.
"""

from typing import Any

from aiopyramid_core.exceptions import ApplicationError
from aiopyramid_core.response_head import (
    ADDED_BY_SERVERS,
    ExcInfo,
    check_call,
    check_field,
    check_final,
    check_values,
    has_body,
    has_length,
    length_of,
    special_name,
    status_code,
)

__all__ = ("Response",)

_MAY_UPGRADE = (101, 426)
"""Statuses with which the application may set Upgrade (RFC 9110, 15.2.2 and 15.5.22)."""


class Response:
    """One response: a checked head, and a body of the length that the head declares.

    Args:
        method: The request's method.

    Attributes:
        status: The status; None before ``start_response``.
        fields: The header fields, without those that the application does not control.
        code: The three digits of the status.
        is_committed: Whether uWSGI has the head, so that it can no longer change; to be set.
    """

    __slots__ = ("_left", "_length", "_method", "code", "fields", "is_committed", "status")

    def __init__(self, method: str) -> None:
        self._method = method
        self._length: int | None = None
        self._left: int | None = 0  # bytes of body that may still be sent; None for any number
        self.status: str | None = None
        self.fields: list[tuple[str, str]] = []
        self.code = 0
        self.is_committed = False

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExcInfo | None,
        *,
        may_switch: bool,
    ) -> None:
        """Take the status and the header fields (PEP 3333, "The start_response() Callable").

        Args:
            status: The status.
            headers: The header fields.
            exc_info: The exception for which the application replaces a response, or None.
            may_switch: Whether the status may be 101.

        Raises:
            ApplicationError: They are malformed, or were given before and ``exc_info`` is not.
            BaseException: The exception of ``exc_info``, when the head was sent before.
        """
        check_call(exc_info, is_started=self.status is not None, is_committed=self.is_committed)
        self.code = code = status_code(status)
        check_final(status, code, may_switch=may_switch)
        self._length = None
        self.fields = [field for field in headers if self._passes(field)]
        check_values(self.fields)
        self.status = status
        self._left = self._length if has_body(self._method, code) else 0

    def _passes(self, field: Any) -> bool:
        """Check and record a header field; return whether it is passed on to the client."""
        check_field(field)
        name, value = field
        special = special_name(name)
        if special == "content-length":
            self._length = length_of(value, self._length)
            return has_length(self._method, self.code)
        if special in ("connection", "upgrade"):
            return self.code in _MAY_UPGRADE
        return special is None or special in ADDED_BY_SERVERS

    # --- The body -----------------------------------------------------------------------------

    def cut(self, part: bytes) -> bytes:
        """Return the bytes to send of a part of the body: bytes beyond its length are cut off."""
        if self._left is None:
            return part
        part = part[: self._left]
        self._left -= len(part)
        return part

    @property
    def needs_body(self) -> bool:
        """Whether any more of the body would reach the client."""
        return self._left != 0

    def check_end(self) -> None:
        """Check that the body was as long as the head declares.

        Raises:
            ApplicationError: It was shorter, and the client waits for the rest.
        """
        if self._left:
            assert self._length is not None
            raise ApplicationError(
                f"the body ended after {self._length - self._left} of {self._length} bytes of"
                " Content-Length"
            )
