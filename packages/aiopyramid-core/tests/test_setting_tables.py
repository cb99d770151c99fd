"""setting_tables: the settings of a package, read from a table."""

import dataclasses

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.registry import Registry

from aiopyramid_core.setting_tables import (
    SECONDS,
    Setting,
    SettingsTable,
    or_none,
    positive_seconds,
    warn_of_unknown_settings,
)


@dataclasses.dataclass(frozen=True)
class MailSettings:
    sender: str = "site"
    timeout_seconds: float | None = 10.0


MAIL = SettingsTable(
    MailSettings,
    "mail.",
    {
        "sender": Setting("sender", str, "an address"),
        "timeout": Setting("timeout_seconds", or_none(positive_seconds), f"{SECONDS}, or none"),
    },
)


def test_a_table_reads_the_settings_of_a_package():
    settings = {"aiopyramid.mail.timeout": "2", "aiopyramid.mail.sender": ""}
    assert MAIL.read(settings) == MailSettings("site", 2.0)


def test_the_settings_of_an_application_are_read_once():
    config = Configurator(settings={"aiopyramid.mail.sender": "me"})
    settings = MAIL.of(config.registry)
    assert settings == MailSettings("me")
    assert MAIL.of(config.registry) is settings


def test_an_application_without_settings_has_the_defaults():
    assert MAIL.of(Registry()) == MailSettings()


def test_an_invalid_setting_is_refused_with_its_name_value_and_unit():
    with pytest.raises(ConfigurationError) as caught:
        MAIL.read({"aiopyramid.mail.timeout": "soon"})
    assert str(caught.value) == (
        "The setting aiopyramid.mail.timeout is 'soon', but must be a number of seconds above zero,"
        " or none"
    )


def test_options_with_the_names_of_settings_become_fields():
    assert MAIL.fields({"timeout": "none"}, "Mail option") == {"timeout_seconds": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "Unknown Mail option 'colour', expected one of sender, timeout"),
        ({"timeout": 0}, "The Mail option timeout is 0, but must be a number of seconds above"),
    ],
)
def test_an_invalid_option_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        MAIL.fields(options, "Mail option")


def test_the_settings_of_a_table_are_known(caplog):
    MAIL.read({})
    warn_of_unknown_settings({"aiopyramid.mail.sender": "me", "aiopyramid.mail.sendr": "me"})
    assert "There is no setting aiopyramid.mail.sendr. Did you mean aiopyramid.mail.sender?" in (
        caplog.text
    )
    assert caplog.text.count("There is no setting") == 1
