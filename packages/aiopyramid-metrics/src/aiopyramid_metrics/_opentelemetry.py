"""The exporter for the metrics API of OpenTelemetry."""

from collections.abc import Callable
from typing import Any

from opentelemetry import metrics

from ._instruments import Instrument, Record

__all__ = ("OpenTelemetryExporter",)


class OpenTelemetryExporter:
    """Gives metrics to the meter provider that the application has set.

    Args:
        provider: Another meter provider.
    """

    def __init__(self, provider: metrics.MeterProvider | None = None) -> None:
        self._meter = metrics.get_meter("aiopyramid_metrics", meter_provider=provider)

    def record(self, instrument: Instrument) -> Record:
        """Return the function that records numbers of a metric."""
        common: dict[str, Any] = {
            "name": instrument.opentelemetry_name,
            "unit": instrument.unit,
            "description": instrument.description,
        }
        match instrument.kind:
            case "counter":
                return _recorder(self._meter.create_counter(**common).add, instrument)
            case "gauge":
                return _recorder(self._meter.create_gauge(**common).set, instrument)
            case _:
                common["explicit_bucket_boundaries_advisory"] = instrument.buckets
                return _recorder(self._meter.create_histogram(**common).record, instrument)


def _recorder(write: Callable[..., None], instrument: Instrument) -> Record:
    known: dict[tuple[str, ...], dict[str, str]] = {}

    def record(number: float, *labels: str) -> None:
        attributes = known.get(labels)
        if attributes is None:
            attributes = known[labels] = dict(zip(instrument.labels, labels, strict=True))
        write(number, attributes)

    return record
