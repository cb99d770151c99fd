"""README.md and the dashboard name exactly the metrics and settings that there are."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from document_code import code_blocks
from pyramid.config import Configurator

from aiopyramid_metrics._instruments import INSTRUMENTS
from aiopyramid_metrics.settings import MetricsSettings

README = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")


def test_the_code_runs():
    names = {"config": Configurator()}
    for code in code_blocks(README):
        exec(code, names)
    assert names["config"].make_wsgi_app()


def test_the_table_of_metrics_is_that_of_the_instruments():
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) ?\|", README, re.M)
    documented = {
        (f"aiopyramid_{name}", kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in rows
    }
    assert documented == {
        (each.prometheus_name, each.kind, each.labels) for each in INSTRUMENTS.values()
    }


def test_the_table_of_settings_has_all_of_them_with_their_defaults():
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", README.partition("## Settings")[2], re.M))
    defaults = {
        field.name.removesuffix("_seconds"): field.default
        for field in dataclasses.fields(MetricsSettings)
    }
    assert rows == {
        name: " ".join(value)
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value).lower()
        for name, value in defaults.items()
    }


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
