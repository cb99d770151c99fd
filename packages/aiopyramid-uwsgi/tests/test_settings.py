"""_settings: what the application's settings mean."""

import pytest
from pyramid.exceptions import ConfigurationError

from aiopyramid_core.servers import networks
from aiopyramid_uwsgi._settings import UWSGISettings

PREFIX = "aiopyramid.uwsgi."


def test_without_settings_there_are_defaults():
    assert UWSGISettings.from_mapping({}) == UWSGISettings()


def test_an_empty_value_means_the_default():
    assert UWSGISettings.from_mapping({PREFIX + "loop": ""}) == UWSGISettings()


def test_values_are_read_as_an_ini_file_has_them():
    settings = {
        "loop": "uvloop",
        "body_limit_bytes": "2000",
        "body_memory_bytes": "1000",
        "graceful_timeout": "2.5",
        "forwarded_allow_ips": "10.0.0.0/8",
    }
    read = UWSGISettings.from_mapping({PREFIX + name: value for name, value in settings.items()})
    assert read == UWSGISettings(
        loop="uvloop",
        body_bytes=2000,
        body_memory_bytes=1000,
        graceful_timeout_seconds=2.5,
        forwarded_allow_ips=networks("10.0.0.0/8"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loop", "trio"),
        ("body_limit_bytes", "much"),
        ("body_memory_bytes", "0"),
        ("graceful_timeout", "-1"),
        ("forwarded_allow_ips", "localhost"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=PREFIX + name):
        UWSGISettings.from_mapping({PREFIX + name: value})
