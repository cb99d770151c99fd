"""The exporter for ``prometheus_client``, and the text that a Prometheus server fetches."""

import os
from collections.abc import Callable
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from ._instruments import Instrument, Record

__all__ = ("PrometheusExporter", "forget_this_process", "render")


class PrometheusExporter:
    """Gives metrics to ``prometheus_client``.

    Args:
        registry: Where they are registered; by default where those of the application are.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._registry = registry

    def record(self, instrument: Instrument) -> Record:
        """Return the function that records numbers of a metric."""
        name, labels = instrument.prometheus_name, instrument.labels
        common: dict[str, Any] = {"registry": self._registry}
        metric: Counter | Gauge | Histogram
        match instrument.kind:
            case "counter":
                metric = Counter(name, instrument.description, labels, **common)
                return _recorder(metric, "inc")
            case "gauge":
                common["multiprocess_mode"] = "livesum"
                metric = Gauge(name, instrument.description, labels, **common)
                return _recorder(metric, "set")
            case _:
                common["buckets"] = instrument.buckets
                metric = Histogram(name, instrument.description, labels, **common)
                return _recorder(metric, "observe")


def _recorder(metric: Any, method: str) -> Record:
    known: dict[tuple[str, ...], Callable[[float], None]] = {}

    def record(number: float, *labels: str) -> None:
        write = known.get(labels)
        if write is None:
            child = metric.labels(*labels) if labels else metric
            write = known[labels] = getattr(child, method)
        write(number)

    return record


def render(accept: str) -> tuple[bytes, str]:
    """Return the metrics of all processes, and their content type.

    Args:
        accept: The header field ``Accept`` of the request.
    """
    encode, content_type = choose_encoder(accept)
    return encode(_all_processes()), content_type


def _all_processes() -> CollectorRegistry:
    if _FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def forget_this_process() -> None:
    """Remove the gauges of this process, which is going to exit, from those of all processes."""
    if _FOLDER in os.environ:
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable with the folder in which the processes of a server share metrics."""
