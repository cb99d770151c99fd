"""README.md names exactly the metrics and settings that there are."""

import dataclasses
import re
from pathlib import Path

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
