"""All metrics, in one table: what each is called, what it counts and which labels it has.

Each label has a bounded number of values: names of routes, classes and functions, never paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

__all__ = ("INSTRUMENTS", "Exporter", "Instrument", "Record")

Record = Callable[..., None]
"""Takes a number, and the values of the labels: adds it to a counter, sets a gauge to it, or puts
it into a histogram. It may be called in any thread."""

_UNITS: Final = {"s": "seconds", "By": "bytes"}
"""Units of UCUM, as OpenTelemetry writes them, and in the names of Prometheus."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric.

    Attributes:
        kind: Whether numbers are added up, replaced or sorted into buckets.
        name: Its name, without ``aiopyramid.``.
        description: Its meaning, in a sentence.
        labels: The names of its labels.
        unit: ``s``, ``By`` or nothing.
        buckets: The upper bounds of a histogram's buckets.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    description: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def prometheus_name(self) -> str:
        """The name of the metric in Prometheus, by its conventions."""
        parts = ["aiopyramid", *self.name.split(".")]
        if self.unit:
            parts.append(_UNITS[self.unit])
        if self.kind == "counter":
            parts.append("total")
        return "_".join(parts)

    @property
    def opentelemetry_name(self) -> str:
        """The name of the metric in OpenTelemetry."""
        return f"aiopyramid.{self.name}"


class Exporter(Protocol):
    """A library that metrics are given to."""

    def record(self, instrument: Instrument) -> Record:
        """Return the function that records numbers of a metric."""


_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

INSTRUMENTS: Final = {
    instrument.name: instrument
    for instrument in (
        Instrument(
            "histogram",
            "request.duration",
            "Time from the outermost tween until its response, without the sending of the body",
            ("side", "route", "method", "status"),
            "s",
            _REQUEST_SECONDS,
        ),
        Instrument("gauge", "requests.active", "Requests in progress", ("side",)),
        Instrument("gauge", "requests.queued", "Synchronous requests that wait for a thread"),
        Instrument("gauge", "threads.running", "Threads that run synchronous requests"),
        Instrument(
            "gauge", "threads.waiting", "Threads whose request waits for a coroutine or a client"
        ),
        Instrument("gauge", "threads.limit", "The most threads for synchronous requests"),
        Instrument(
            "histogram",
            "thread.wait",
            "Time for which a call has waited for a thread",
            ("kind",),
            "s",
            _LAG_SECONDS,
        ),
        Instrument(
            "histogram",
            "loop.lag",
            "How late the event loop has run a timer",
            unit="s",
            buckets=_LAG_SECONDS,
        ),
        Instrument("counter", "loop.blocks", "Blocks of the event loop", ("culprit",)),
        Instrument("counter", "loop.blocked", "Time for which it was blocked", ("culprit",), "s"),
        Instrument("gauge", "tasks", "Tasks of the event loop"),
        Instrument("gauge", "greenlets.used", "Greenlets that run a request or another call"),
        Instrument("gauge", "greenlets.idle", "Greenlets that are kept for further calls"),
        Instrument("gauge", "background.tasks", "Background tasks that run"),
        Instrument("counter", "background.task.failures", "Background tasks that have failed"),
        Instrument("gauge", "connections.open", "Open WebSockets and event streams", ("kind",)),
        Instrument("gauge", "connections.slow", "Those whose client does not keep up", ("kind",)),
        Instrument("counter", "connection.messages", "Messages and events", ("kind", "direction")),
        Instrument("counter", "connection.payload", "Their size", ("kind", "direction"), "By"),
        Instrument("counter", "connections.closed", "Ends of connections", ("kind", "code")),
        Instrument("gauge", "groups", "Groups with members in this process"),
        Instrument("gauge", "group.members", "Members of groups in this process"),
        Instrument("counter", "group.messages.sent", "Messages that were sent to groups"),
        Instrument("counter", "group.messages.delivered", "Deliveries of messages to members"),
        Instrument("counter", "group.messages.dropped", "Messages left out for slow members"),
        Instrument("counter", "group.resyncs", "Signs to members that messages may be missing"),
        Instrument("counter", "group.members.closed", "Slow members that were disconnected"),
    )
}
"""The metrics by name."""
