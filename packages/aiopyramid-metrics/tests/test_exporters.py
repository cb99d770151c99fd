"""_prometheus, _opentelemetry: the same numbers in both libraries."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry

from aiopyramid_metrics._instruments import INSTRUMENTS
from aiopyramid_metrics._opentelemetry import OpenTelemetryExporter
from aiopyramid_metrics._prometheus import PrometheusExporter


def by_prometheus():
    registry = CollectorRegistry()

    def read():
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in registry.collect()
            for sample in family.samples
            if not sample.name.endswith(("_created", "_bucket"))
        }

    return PrometheusExporter(registry), read


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_prometheus_gets_numbers_with_their_labels(name):
    exporter, read = by_prometheus()
    instrument = INSTRUMENTS[name]
    record = exporter.record(instrument)
    values = [label.upper() for label in instrument.labels]
    record(2, *values)
    record(3, *values)
    labels = sorted(zip(instrument.labels, values, strict=True))
    found = read()
    full_name = instrument.prometheus_name
    if instrument.kind == "histogram":
        assert found == {(f"{full_name}_count", *labels): 2, (f"{full_name}_sum", *labels): 5}
    else:
        assert found == {(full_name, *labels): 5 if instrument.kind == "counter" else 3}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_opentelemetry_gets_numbers_with_their_attributes(name):
    reader = InMemoryMetricReader()
    exporter = OpenTelemetryExporter(MeterProvider([reader]))
    instrument = INSTRUMENTS[name]
    record = exporter.record(instrument)
    values = [label.upper() for label in instrument.labels]
    record(2, *values)
    record(3, *values)
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert (metric.name, metric.unit) == (f"aiopyramid.{name}", instrument.unit)
    assert dict(point.attributes) == dict(zip(instrument.labels, values, strict=True))
    if instrument.kind == "histogram":
        assert (point.count, point.sum, point.explicit_bounds) == (2, 5, instrument.buckets)
    else:
        assert point.value == (5 if instrument.kind == "counter" else 3)
