"""Metrics of a Pyramid application on asyncio, for Prometheus and OpenTelemetry.

Include this package (``config.include("aiopyramid_metrics")``). ``README.md`` is the introduction.
The modules, in reading order:

``_instruments``
    All metrics, in one table.
``_labels``
    The values of their labels, of which there are only so many.
``_observer``, ``_sampler``
    What is recorded when it happens, and the numbers that are sampled.
``_prometheus``, ``_opentelemetry``
    The libraries that the metrics are given to.
``settings``, ``_process``, ``_include``
    How all of this becomes part of an application.
``gunicorn``
    Hooks for gunicorn's workers.
``spans``
    Spans of OpenTelemetry for views and calls in threads.
``__main__``
    Prints the dashboard for Grafana.
"""

from ._include import includeme

__all__ = ("includeme",)
