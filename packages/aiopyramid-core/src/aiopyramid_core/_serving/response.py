"""One response of a WSGI application: the arguments of ``start_response``, and the body's length.

Pure: no asyncio, no sockets. How the head and the body are framed is the server's part.
"""

from ..exceptions import ApplicationError
from ..response_head import (
    ADDED_BY_SERVERS,
    ExcInfo,
    check_call,
    check_fields,
    check_final,
    check_values,
    has_body,
    has_length,
    length_of,
    malformed_status,
    special_name,
    status_code,
)

__all__ = ("WSGIResponse",)


class WSGIResponse:
    """One response: a checked head, and a body of the length that the head declares.

    Args:
        method: The request's method.

    Attributes:
        status: The status line without the version, for example ``"200 OK"``; None before
            ``start_response``.
        code: The three digits of the status as a number; 0 before ``start_response``.
        headers: The application's header fields, without those that concern the connection, and
            without a Content-Length that the response cannot have.
        given: The fields among them that servers otherwise add, in lower case: ``server``,
            ``date``; and ``upgrade``, which a server that passes it on has to name in a
            ``Connection`` field (RFC 9110, 7.8).
        length: The length of the body in bytes, if it is declared, otherwise None.
        asks_to_close: Whether the application asks to close the connection after the response.
        head_sent: Whether the head was sent, so that it can no longer change.
        parts: Number of parts of the body that were taken.
        sent: Number of body bytes that were taken.
        ends_on_stop: Whether the body itself ends when the server begins to stop; None if it is not
            known. A server must not break off a body for which this is known.
    """

    __slots__ = (
        "_left",
        "_method",
        "asks_to_close",
        "code",
        "ends_on_stop",
        "given",
        "head_sent",
        "headers",
        "length",
        "parts",
        "sent",
        "status",
    )

    def __init__(self, method: str) -> None:
        self._method = method
        self._left: int | None = 0  # bytes of body that may still be sent; None for any number
        self.status: str | None = None
        self.code = 0
        self.headers: list[tuple[str, str]] = []
        self.given: tuple[str, ...] = ()
        self.length: int | None = None
        self.asks_to_close = False
        self.head_sent = False
        self.parts = 0
        self.sent = 0
        self.ends_on_stop: bool | None = None

    # --- Called by the application ------------------------------------------------------------

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExcInfo | None = None,
        may_switch: bool = False,
    ) -> None:
        """Take the status and the header fields (PEP 3333, "The start_response() Callable").

        Args:
            status: The status.
            headers: The header fields.
            exc_info: The exception for which the application replaces a response, or None.
            may_switch: Whether the status may be 101.

        Raises:
            ApplicationError: They are malformed, or were given before and ``exc_info`` is not. (The
                values of the fields are checked later, by :meth:`commit`.)
            BaseException: The exception of ``exc_info``, when the head was sent before.
        """
        if exc_info is not None or self.status is not None:
            check_call(exc_info, is_started=self.status is not None, is_committed=self.head_sent)
        if type(status) is not str:
            raise malformed_status(status)
        self.code = code = status_code(status)
        if code < 200:
            check_final(status, code, may_switch=may_switch)
        self.length = None
        self.given = ()
        self.asks_to_close = False
        self.headers = passed = []
        fields = list(headers)  # some middleware passes an iterator
        check_fields(fields)
        for field in fields:
            special = special_name(field[0])
            if special is None or self._passes_special(special, field[1]):
                passed.append(field)
        self._left = self.length if has_body(self._method, code) else 0
        self.status = status

    def _passes_special(self, name: str, value: str) -> bool:
        """Record a header field that concerns the server; return whether it is passed on."""
        if name == "content-length":
            self.length = length_of(value, self.length)
            return has_length(self._method, self.code)
        if name in ADDED_BY_SERVERS or (name == "upgrade" and self.code in _MAY_UPGRADE):
            self.given += (name,)
            return True
        # PEP 3333: the application does not control the connection. Only a request to close it is
        # granted, since that does no harm.
        if name == "connection" and value.lower() == "close":
            self.asks_to_close = True
        return False

    # --- Called by the server -----------------------------------------------------------------

    def commit(self) -> str:
        """Check the head, which is about to be sent, so that it can no longer change.

        Returns:
            The status.

        Raises:
            ApplicationError: ``start_response`` was not called, or the value of a field is
                malformed.
        """
        status = self.status
        if status is None:
            raise ApplicationError(
                "the application returned a response without calling start_response()"
            )
        # Not in start(): if that raised, a body that is made already would never be closed.
        check_values(self.headers)
        self.head_sent = True
        return status

    def set_length(self, length_bytes: int) -> None:
        """Declare the length of the body, which the application did not do.

        Args:
            length_bytes: The length of the whole body.
        """
        self.length = self._left = length_bytes

    def take(self, part: bytes) -> bytes:
        """Return the bytes to send of a part of the body: bytes beyond its length are cut off.

        Args:
            part: A part of the body that the application has produced.
        """
        self.parts += 1
        left = self._left
        if left is not None:
            part = part[:left]
            self._left = left - len(part)
        self.sent += len(part)
        return part

    def count(self, length_bytes: int) -> None:
        """Count bytes of the body that were sent without :meth:`take`, by the system for example.

        Args:
            length_bytes: How many; no more than ``missing_bytes`` if the length was declared.
        """
        if self._left is not None:
            self._left -= length_bytes
        self.sent += length_bytes

    @property
    def needs_body(self) -> bool:
        """Whether any more of the body would reach the client."""
        return self._left != 0

    @property
    def missing_bytes(self) -> int:
        """How many bytes of the body are still to be sent if its length was declared; else 0."""
        return self._left or 0

    def check_end(self) -> None:
        """Check that the body was as long as the head declares.

        Raises:
            ApplicationError: It was shorter. The connection must be closed: the client waits for
                the rest.
        """
        if self._left:
            raise ApplicationError(
                f"the body ended after {self.sent} of {self.length} bytes of Content-Length"
            )


_MAY_UPGRADE = (101, 426)
"""Statuses with which the application may set Upgrade (RFC 9110, 15.2.2 and 15.5.22)."""
