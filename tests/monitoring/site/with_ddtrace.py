"""The application with Datadog's tracer, which ``ddtrace-run`` has started."""

from typing import Any
from urllib.parse import urlsplit

import watched
from ddtrace.trace import TraceFilter, tracer
from pyramid.config import Configurator

_traces: list[list[Any]] = []


class _Keep(TraceFilter):
    """Nothing is left that could be sent."""

    def process_trace(self, trace: list[Any]) -> None:
        _traces.append(trace)


def _span(place: str, name: str) -> Any:
    return tracer.trace("watched", resource=f"{place} {name}")


def _recorded() -> dict[str, Any]:
    requests = [(span, trace) for trace in _traces for span in trace if span.parent_id is None]
    return {
        "traces": [
            {
                "path": urlsplit(root.get_tag("http.url")).path,
                "label": root.resource,
                "spans": [span.resource.split() for span in trace if span.name == "watched"],
                "errors": [root.get_tag("error.message")] if root.error else [],
            }
            for root, trace in requests
        ]
    }


def main() -> Any:
    tracer.configure(trace_processors=[_Keep()])
    with Configurator() as config:
        watched.configure(config, _span, _recorded)
        return config.make_wsgi_app()
