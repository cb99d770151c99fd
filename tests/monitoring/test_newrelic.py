"""New Relic's agent, started as its manual says, in its mode that sends nothing."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from watched_requests import COROUTINE, NAMES, Watched, check

pytest.importorskip("newrelic", reason="New Relic's agent is not installed")

PROGRAM: Final = ("newrelic.admin", "run-program", sys.executable, "-m")
CONFIGURATION: Final = """\
[newrelic]
app_name = watched
license_key = 0000000000000000000000000000000000000000
developer_mode = true
utilization.detect_aws = false
utilization.detect_azure = false
utilization.detect_azureappservice = false
utilization.detect_azurefunction = false
utilization.detect_docker = false
utilization.detect_gcp = false
utilization.detect_kubernetes = false
utilization.detect_pcf = false
"""
"""Without the last lines it asks the addresses at which clouds tell machines about themselves."""

SPANS: Final = {
    "coroutine": COROUTINE,
    # The agent does not follow what a thread hands over to an event loop.
    "synchronous": Counter(view=1, after=1),
    "either": Counter(),
}


def label(route: str) -> str:
    view = "synchronous" if route == "synchronous" else "coroutine"
    return f"WebTransaction/Function/watched:Views.{view}"


@pytest.fixture
def watched(watch: Callable[..., Watched], tmp_path: Path) -> Watched:
    file = tmp_path / "newrelic.ini"
    file.write_text(CONFIGURATION)
    return watch("with_newrelic", *PROGRAM, NEW_RELIC_CONFIG_FILE=str(file))


def test_each_request_has_a_transaction_of_its_own(watched: Watched) -> None:
    # With nothing else going on, each of these is the first request once more.
    for _ in range(3):
        watched.get("/alone/alone")
    report = watched.recorded(3)
    alone, report["traces"] = report["traces"], []
    assert [trace["label"] for trace in alone] == [
        "WebTransaction/Function/watched:Views.alone"
    ] * 3
    assert [trace["spans"] for trace in alone] == [[["view", "alone"]]] * 3

    watched.request_at_the_same_time()
    report = watched.recorded(3 + len(NAMES))
    report["traces"] = report["traces"][3:]
    check(report, SPANS, label)
