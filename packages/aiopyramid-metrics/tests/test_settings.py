"""settings: what is refused, and what is told."""

import sys

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError

from aiopyramid_metrics import _process
from aiopyramid_metrics.settings import MetricsSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [("exporters", "statsd"), ("path", "metrics"), ("interval", "0"), ("blocking", "-1")],
)
def test_an_invalid_value_is_refused_by_its_name(name, value):
    with pytest.raises(ConfigurationError, match=f"aiopyramid.metrics.{name}"):
        MetricsSettings.from_mapping({f"aiopyramid.metrics.{name}": value})


def test_values_may_be_strings():
    settings = MetricsSettings.from_mapping(
        {
            "aiopyramid.metrics.exporters": "opentelemetry prometheus",
            "aiopyramid.metrics.path": "none",
            "aiopyramid.metrics.blocking": "none",
        }
    )
    assert settings.exporters == ("opentelemetry", "prometheus")
    assert settings.path is settings.blocking_seconds is None


@pytest.mark.parametrize(
    ("name", "module"), [("prometheus", "_prometheus"), ("opentelemetry", "_opentelemetry")]
)
def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch, name, module):
    monkeypatch.setattr(_process, "_known", {})
    monkeypatch.setitem(sys.modules, f"aiopyramid_metrics.{module}", None)
    config = Configurator(settings={"aiopyramid.metrics.exporters": name})
    with pytest.raises(ConfigurationError, match=rf"install aiopyramid-metrics\[{name}\]"):
        config.include("aiopyramid_metrics")


def test_applications_of_one_process_have_the_same_exporters(monkeypatch):
    monkeypatch.setattr(_process, "_known", {("opentelemetry",): None})
    config = Configurator()
    with pytest.raises(ConfigurationError, match="'prometheus' and 'opentelemetry'"):
        config.include("aiopyramid_metrics")
