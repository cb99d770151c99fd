"""Metrics for Prometheus, counted in a tween and in the views."""

from collections.abc import Callable

import pytest
from watched_requests import FAILING, NAMES, NUMBERS, SPANS, Watched, route_of

pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")


def test_each_request_is_counted_once_and_for_what_it_is(watch: Callable[..., Watched]) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    watched = watch("with_prometheus")
    watched.request_at_the_same_time()
    report = watched.report()
    samples = {
        (sample.name, *(label for _, label in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(watched.get("/metrics"))
        for sample in family.samples
    }
    assert {key[1:]: value for key, value in samples.items() if key[0] == "seconds_count"} == {
        (name, place): float(number)
        for name in NAMES
        for place, number in SPANS[route_of(name)].items()
    }
    for route, number in NUMBERS.items():
        failing = sum(route_of(name) == route for name in FAILING)
        assert samples["requests_total", route, "500"] == failing
        assert samples["requests_total", route, "200"] == number - failing
    assert max(report["in_progress"]) == len(NAMES)
    assert samples["in_progress",] == 1.0  # the one that asks
