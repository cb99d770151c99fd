"""The observer that measures requests, calls in threads, WebSockets and event streams."""

import sys
import threading
import time
from collections import Counter
from typing import Any

from aiopyramid_core.observing import Observer, OpenConnection, ThreadCall

from ._instruments import Record
from ._labels import close_code_label, method_label, route_label, status_label

__all__ = ("MetricsObserver",)

_Key = tuple[str, str]


class MetricsObserver(Observer):
    """Records requests as they end, and keeps count of what is open.

    Args:
        records: The functions that record numbers, by the names of the metrics.
    """

    def __init__(self, records: dict[str, Record]) -> None:
        self._request_duration = records["request.duration"]
        self._thread_wait = records["thread.wait"]
        self._closed = records["connections.closed"]
        self._began: dict[int, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._open: set[OpenConnection] = set()
        self._ended_messages: Counter[_Key] = Counter()
        self._ended_bytes: Counter[_Key] = Counter()

    # --- Requests -----------------------------------------------------------------------------

    def request_began(self, request: Any, *, on_loop: bool) -> None:
        """Note when a request began."""
        self._began[id(request)] = time.perf_counter(), "loop" if on_loop else "thread"

    def request_ended(self, request: Any, response: Any | None) -> None:
        """Record how long a request took."""
        began = self._began.pop(id(request), None)
        if began is None:  # before there was this observer
            return
        error = sys.exc_info()[1]
        self._request_duration(
            time.perf_counter() - began[0],
            began[1],
            route_label(request),
            method_label(request.method),
            status_label(response, error),
        )

    def active(self) -> dict[str, int]:
        """Return the number of requests in progress by side."""
        sides = Counter(side for _, side in tuple(self._began.values()))
        return {side: sides[side] for side in ("loop", "thread")}

    def call_began(self, call: ThreadCall) -> None:
        """Record how long a call has waited for its thread."""
        if call.began_at is not None:
            kind = "request" if call.is_request else "call"
            self._thread_wait(call.began_at - call.queued_at, kind)

    # --- Connections --------------------------------------------------------------------------

    def connection_opened(self, connection: OpenConnection) -> None:
        """Note a WebSocket or an event stream."""
        with self._lock:
            self._open.add(connection)

    def connection_closed(self, connection: OpenConnection) -> None:
        """Record the end of a WebSocket or an event stream."""
        with self._lock:
            self._open.discard(connection)
            _count(connection, self._ended_messages, self._ended_bytes)
        self._closed(1, _kind(connection), close_code_label(connection.close_code))

    def connections(self) -> tuple[Counter[str], Counter[str], Counter[_Key], Counter[_Key]]:
        """Return open and slow connections by kind, and all messages and bytes until now."""
        with self._lock:
            opened = tuple(self._open)
            messages, size_bytes = self._ended_messages.copy(), self._ended_bytes.copy()
        for connection in opened:
            _count(connection, messages, size_bytes)
        count = Counter(_kind(connection) for connection in opened)
        slow = Counter(_kind(connection) for connection in opened if connection.is_slow)
        return count, slow, messages, size_bytes


def _kind(connection: OpenConnection) -> str:
    return connection.kind.replace(" ", "_")


def _count(connection: OpenConnection, messages: Counter[_Key], size_bytes: Counter[_Key]) -> None:
    kind = _kind(connection)
    messages[kind, "received"] += connection.received_messages
    messages[kind, "sent"] += connection.sent_messages
    size_bytes[kind, "received"] += connection.received_bytes
    size_bytes[kind, "sent"] += connection.sent_bytes
