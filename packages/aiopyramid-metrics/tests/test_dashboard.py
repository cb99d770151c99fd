"""The dashboard for Grafana: it asks for all metrics, and a Prometheus has data for each query."""

import contextlib
import json
import math
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from document_code import code_blocks
from prometheus_server import prometheus_server
from server_process import PATIENCE_SECONDS
from system_programs import ProgramMissingError, find_program
from websockets.sync.client import connect

from aiopyramid_metrics._instruments import INSTRUMENTS

GUIDE = Path(__file__).parents[3] / "docs/guides/monitoring.md"


@pytest.fixture(scope="module")
def dashboard():
    command = [sys.executable, "-m", "aiopyramid_metrics"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def queries(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_each_query_of_the_dashboard_is_of_a_metric_and_each_metric_is_shown(dashboard):
    series = {
        each.prometheus_name + suffix: each.name
        for each in INSTRUMENTS.values()
        for suffix in (("_bucket", "_count", "_sum") if each.kind == "histogram" else ("",))
    }
    asked = {name for query in queries(dashboard) for name in re.findall(r"aiopyramid_\w+", query)}
    assert asked <= series.keys()
    assert {series[name] for name in asked} == INSTRUMENTS.keys()


def test_a_query_groups_by_labels_that_its_metric_has(dashboard):
    by_name = {each.prometheus_name: each for each in INSTRUMENTS.values()}
    for query in queries(dashboard):
        name = re.search(r"aiopyramid_\w+", query)[0]
        instrument = by_name[re.sub(r"_(bucket|count)$", "", name)]
        labels = {
            label for group in re.findall(r"by \((.*?)\)", query) for label in group.split(", ")
        }
        assert labels <= {"le", *instrument.labels}, query


def test_panels_of_the_dashboard_do_not_overlap(dashboard):
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


@pytest.fixture(scope="module")
def prometheus(site):
    """The Prometheus of the guide, which does not wait for 10 seconds here."""
    [settings] = code_blocks(GUIDE.read_text(encoding="utf-8"), "yaml")
    for old, new in (("127.0.0.1:6543", site.site.removeprefix("http://")), ("10s", "500ms")):
        assert settings.count(old) == 1
        settings = settings.replace(old, new)
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(prometheus_server(settings))
        except ProgramMissingError as missing:
            pytest.skip(str(missing))
        yield server


def test_a_prometheus_has_numbers_for_each_query_and_labels_for_its_legend(
    dashboard, prometheus, site
):
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    end = time.monotonic() + PATIENCE_SECONDS
    while lacking := [each["expr"] for each in targets if not is_shown(each, prometheus)]:
        assert time.monotonic() < end, lacking
        use(site)


def use(site):
    """Do something of everything that is measured."""
    for path in ("coroutine", "synchronous", "failing", "background", "blocking"):
        site.get(f"/{path}")
    url = site.site.replace("http", "ws") + "/chat"
    with urllib.request.urlopen(site.site + "/feed", timeout=30), connect(url, proxy=None) as ws:
        ws.send("hello")
        assert ws.recv(30) == "hello"


def is_shown(target, prometheus):
    """Return whether a query has series, with numbers, and with the labels of its legend."""
    # As Grafana does, with the dashboard's variable at "All".
    jobs = "|".join(prometheus.label_values("aiopyramid_threads_limit", "job"))
    query = target["expr"].replace("$job", f"({jobs})").replace("$__rate_interval", "1m")
    series = prometheus.query(query)
    numbers = [float(each["value"][1]) for each in series]
    # A label without a value is none to Prometheus, such as the code of an event stream.
    labels = {label for each in series for label in each["metric"]}
    legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    return bool(series) and all(map(math.isfinite, numbers)) and labels == legend


def test_promtool_finds_no_fault_in_the_metrics(site):
    use(site)
    try:
        promtool = find_program("promtool", package="prometheus")
    except ProgramMissingError as missing:
        pytest.skip(str(missing))
    command = [promtool, "check", "metrics"]
    checked = subprocess.run(command, input=site.get("/metrics"), capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
