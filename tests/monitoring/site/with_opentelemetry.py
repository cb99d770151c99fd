"""The application with OpenTelemetry's instrumentation of Pyramid."""

import os
from collections import defaultdict
from typing import Any

import watched
from opentelemetry import trace
from opentelemetry.instrumentation.pyramid import PyramidInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pyramid.config import Configurator

_exporter = InMemorySpanExporter()


def _span(place: str, name: str) -> Any:
    return trace.get_tracer("watched").start_as_current_span(f"{place} {name}")


def _recorded() -> dict[str, Any]:
    by_trace = defaultdict(list)
    for span in _exporter.get_finished_spans():
        by_trace[span.context.trace_id].append(span)
    requests = [
        (root, [span for span in spans if span is not root])
        for spans in by_trace.values()
        for root in spans
        if root.parent is None
    ]
    return {
        "traces": [
            {
                "path": (root.attributes or {})["http.target"].partition("?")[0],
                "label": root.name,
                "spans": [span.name.split() for span in inner],
                "errors": [event.attributes["exception.message"] for event in root.events],
            }
            for root, inner in requests
        ]
    }


def main() -> Any:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_exporter))
    trace.set_tracer_provider(provider)
    settings = {}
    if "TWEENS" in os.environ:
        settings["pyramid.tweens"] = os.environ["TWEENS"]
    # Of all applications that are made from now on. It adds its tween to `pyramid.tweens` itself.
    PyramidInstrumentor().instrument()
    with Configurator(settings=settings) as config:
        watched.configure(config, _span, _recorded)
        return config.make_wsgi_app()
