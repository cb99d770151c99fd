"""Datadog's tracer, started as ``ddtrace-run`` does, with nobody to send anything to."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from watched_requests import NAMES, SPANS, Watched, check

found = importlib.util.find_spec("ddtrace")
# Not imported: that would watch the tests.
pytestmark = pytest.mark.skipif(
    found is None, reason="ddtrace takes too long to start for all who test: make tox ENV=ddtrace"
)


def test_each_request_has_a_trace_of_its_own(watch: Callable[..., Watched]) -> None:
    assert found is not None
    assert found.origin is not None
    watched = watch(
        "with_ddtrace",
        PYTHONPATH=str(Path(found.origin).parent / "bootstrap"),
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_AGENT_URL="http://127.0.0.1:9",
    )
    watched.request_at_the_same_time()
    check(watched.recorded(len(NAMES)), SPANS, lambda route: f"GET {route}")
