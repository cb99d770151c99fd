"""How much a client may send, and how long it may take; with units in the names."""

import math
from dataclasses import dataclass
from typing import Any, Final

from aiopyramid_core.servers import BodyLimits

__all__ = ("Limits", "Times")

_MOST_HEADER_FIELDS: Final = 32768
"""The value that gunicorn uses for limit_request_fields if that is 0 or more than this."""


@dataclass(frozen=True, slots=True)
class Limits(BodyLimits):
    """Bounds on what one request may contain.

    The three about lines and fields come from gunicorn's settings, where 0 means unlimited for the
    first and the third; the folder for bodies is ``tmp_upload_dir``; the others come from class
    attributes of the worker.

    Attributes:
        request_line_bytes: Longest request line, without its end (``limit_request_line``).
        header_fields: Most header fields (``limit_request_fields``).
        header_field_bytes: Longest header field (``limit_request_field_size``).
        write_buffer_bytes: How much of a response may be buffered for the client before the
            application has to wait. One part of a body may be added to it.
        head_bytes: Longest head: request line and all fields. Trailer fields and chunk extensions
            together have a limit of the same size.
    """

    request_line_bytes: int = 4094
    header_fields: int = 100
    header_field_bytes: int = 8190
    body_setting: str = "the worker's body_limit_bytes"
    write_buffer_bytes: int = 64 << 10
    head_bytes: int = 64 << 10

    @classmethod
    def from_settings(
        cls,
        cfg: Any,
        *,
        body_bytes: int,
        body_memory_bytes: int,
        write_buffer_bytes: int,
        head_bytes: int,
    ) -> "Limits":
        """Return the limits that gunicorn's settings and the worker ask for.

        Args:
            cfg: A :class:`gunicorn.config.Config`.
            body_bytes: Longest request body.
            body_memory_bytes: Body size from which the body is kept in a temporary file.
            write_buffer_bytes: How much of a response may be buffered for the client.
            head_bytes: Longest head.
        """
        fields = cfg.limit_request_fields
        return cls(
            request_line_bytes=cfg.limit_request_line,
            header_fields=min(fields, _MOST_HEADER_FIELDS) or _MOST_HEADER_FIELDS,
            header_field_bytes=cfg.limit_request_field_size,
            body_bytes=body_bytes,
            body_memory_bytes=body_memory_bytes,
            body_folder=cfg.tmp_upload_dir,
            write_buffer_bytes=write_buffer_bytes,
            head_bytes=head_bytes,
        )


@dataclass(frozen=True, slots=True)
class Times:
    """How long a client may take, in seconds.

    Attributes:
        head_seconds: For the head of a request, counted from the connection or its first byte.
        body_seconds: Between two parts of a request body.
        keep_alive_seconds: Between two requests on a connection; 0 closes after each.
        write_seconds: To read any more of a response that waits to be sent.
        body_grace_seconds: For a request body, before ``body_bytes_per_second`` applies.
        body_bytes_per_second: Minimum average rate of a request body; 0 for no minimum.
    """

    head_seconds: float
    body_seconds: float
    keep_alive_seconds: float
    write_seconds: float = 60.0
    body_grace_seconds: float = 60.0
    body_bytes_per_second: float = 500.0

    def longest_for_body(self, length_bytes: int) -> float:
        """Return how long that much of a request body may have taken, in seconds.

        Args:
            length_bytes: How many bytes of it have arrived.
        """
        if self.body_bytes_per_second <= 0:
            return math.inf
        return self.body_grace_seconds + length_bytes / self.body_bytes_per_second

    def longest_wait(self, length_bytes: int, waited_seconds: float) -> float:
        """Return how long an application that reads a body may wait for more of it, in seconds.

        Args:
            length_bytes: How many bytes of it have arrived.
            waited_seconds: How long it has waited for them.
        """
        return min(self.body_seconds, self.longest_for_body(length_bytes) - waited_seconds)
