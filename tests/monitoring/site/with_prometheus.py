"""The application with metrics for Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import watched
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from pyramid.config import Configurator
from pyramid.response import Response

REQUESTS = Counter("requests", "Requests that were answered", ["route", "status"])
IN_PROGRESS = Gauge("in_progress", "Requests in progress")
SECONDS = Histogram("seconds", "How long each part took", ["place", "name"])

_in_progress: list[float] = []


def metrics_tween_factory(handler: Any, registry: Any) -> Any:
    def metrics_tween(request: Any) -> Any:
        status = "500"
        try:
            with IN_PROGRESS.track_inprogress():
                response = handler(request)
            status = str(response.status_code)
            return response
        finally:
            REQUESTS.labels(request.matched_route.name, status).inc()

    return metrics_tween


@contextmanager
def _span(place: str, name: str) -> Iterator[None]:
    _in_progress.append(REGISTRY.get_sample_value("in_progress") or 0.0)
    with SECONDS.labels(place, name).time():
        yield


def _recorded() -> dict[str, Any]:
    return {"in_progress": _in_progress}


async def metrics(request: Any) -> Response:
    return Response(generate_latest())


def main() -> Any:
    with Configurator() as config:
        watched.configure(config, _span, _recorded)
        config.add_tween("with_prometheus.metrics_tween_factory")
        config.add_route("metrics", "/metrics")
        config.add_view(metrics, route_name="metrics")
        return config.make_wsgi_app()
