"""The body of an event stream that counts its events for observers."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from ._observer import Observer, OpenConnection

__all__ = ("ObservedStream",)

_SLOW_SECONDS: Final = 1.0
"""After this time the client, which has not taken a part of the body, is called slow."""


class ObservedStream:
    """The body of an event stream, from its first part to its end.

    Args:
        parts: The body itself, an async generator or an object with its methods.
        request: The request.
        observer: Told of the stream.
        count_queued: Returns how many events wait for the client.
    """

    def __init__(
        self, parts: Any, request: Any, observer: Observer, count_queued: Callable[[], int]
    ) -> None:
        self._parts = parts
        self._observer = observer
        self._sending_since: float | None = None
        self._has_ended = False
        route = getattr(request, "matched_route", None)
        name = request.path if route is None else route.name
        self._connection = OpenConnection(
            "event stream", name, request, count_queued, self._is_slow
        )
        observer.connection_opened(self._connection)

    def _is_slow(self) -> bool:
        since = self._sending_since
        return since is not None and time.monotonic() - since > _SLOW_SECONDS

    def attach(self, post: Callable[[bytes], bool]) -> None:
        """Offer to send parts directly; see :meth:`aiopyramid_core.AsyncBody.attach`."""

        def counting_post(part: bytes) -> bool:
            is_sent = post(part)
            if is_sent:
                self._count(part)
            return is_sent

        attach = getattr(self._parts, "attach", None)
        if attach is not None:
            attach(counting_post)

    def _count(self, part: bytes) -> None:
        events = 0 if part == _COMMENT else part.count(_END_OF_EVENT)
        self._connection.sent_messages += events
        self._connection.sent_bytes += len(part)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._sending_since = None
        part: bytes = await anext(self._parts)
        self._count(part)
        self._sending_since = time.monotonic()
        return part

    async def aclose(self) -> None:
        """Close the body."""
        try:
            await self._parts.aclose()
        finally:
            if not self._has_ended:
                self._has_ended = True
                self._connection.close()
                self._observer.connection_closed(self._connection)


_COMMENT: Final = b":\n\n"
_END_OF_EVENT: Final = b"\n\n"
