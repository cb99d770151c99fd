"""settings: what the ini file may say, and what is refused."""

import dataclasses

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError

from aiopyramid_core._place import Place
from aiopyramid_core.settings import Settings

FIELDS = {
    "requests": "requests",
    "executor.max_workers": "executor_max_workers",
    "request_timeout": "request_timeout_seconds",
    "cancel_on_disconnect": "cancel_on_disconnect",
    "debug_blocking": "debug_blocking_seconds",
    "tasks_can_wait": "tasks_can_wait",
    "shutdown_timeout": "shutdown_timeout_seconds",
    "startup_timeout": "startup_timeout_seconds",
    "reconnect_spread": "reconnect_spread_seconds",
}
"""Every setting, by its name after ``aiopyramid.``, and the attribute that it becomes."""


def read(name, value):
    """Return the attribute of a setting which has a value."""
    return getattr(Settings.from_mapping({f"aiopyramid.{name}": value}), FIELDS[name])


def test_every_attribute_has_a_setting():
    assert sorted(FIELDS.values()) == sorted(f.name for f in dataclasses.fields(Settings))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("requests", "loop", Place.LOOP),
        ("requests", " Thread ", Place.THREAD),
        ("executor.max_workers", "4", 4),
        ("executor.max_workers", " 4 ", 4),
        ("request_timeout", "2.5", 2.5),
        ("request_timeout", "30", 30.0),
        ("cancel_on_disconnect", "true", True),
        ("cancel_on_disconnect", "Yes", True),
        ("cancel_on_disconnect", "1", True),
        ("cancel_on_disconnect", "false", False),
        ("cancel_on_disconnect", "off", False),
        ("cancel_on_disconnect", "0", False),
        ("debug_blocking", "0.1", 0.1),
        ("shutdown_timeout", "7", 7.0),
        ("shutdown_timeout", "1e-3", 0.001),
        ("startup_timeout", "300", 300.0),
        ("reconnect_spread", "10", 10.0),
        ("reconnect_spread", "off", None),
    ],
)
def test_a_setting_may_be_a_string_of_an_ini_file(name, text, value):
    found = read(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("executor.max_workers", 4),
        ("request_timeout", 2.5),
        ("cancel_on_disconnect", True),
        ("debug_blocking", 0.1),
        ("shutdown_timeout", 7.0),
    ],
)
def test_a_setting_may_be_given_as_what_it_means(name, value):
    assert read(name, value) == value


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("name", FIELDS)
def test_an_empty_setting_is_its_default(name, value):
    assert read(name, value) == getattr(Settings(), FIELDS[name])


def test_without_settings_no_request_is_limited_or_watched():
    assert Settings.from_mapping({}) == Settings(
        executor_max_workers=None,
        request_timeout_seconds=None,
        cancel_on_disconnect=False,
        debug_blocking_seconds=None,
        shutdown_timeout_seconds=10.0,
        startup_timeout_seconds=60.0,
        reconnect_spread_seconds=2.0,
    )


def test_settings_of_others_are_none_of_our_business():
    assert Settings.from_mapping({"request_timeout": "x", "pyramid.debug_all": "x"}) == Settings()


WRONG_NUMBERS = ["0", "-1", "many", "nan", "inf", "1 s", "0x10", [], 0, -0.5]


@pytest.mark.parametrize("value", [*WRONG_NUMBERS, "2.5", "1e3"])
def test_a_wrong_number_of_threads_is_refused_by_name_and_unit(value):
    with pytest.raises(ConfigurationError) as caught:
        read("executor.max_workers", value)
    assert str(caught.value) == (
        f"The setting aiopyramid.executor.max_workers is {value!r},"
        " but must be a number of threads above zero"
    )


@pytest.mark.parametrize("value", WRONG_NUMBERS)
@pytest.mark.parametrize(
    "name", ["request_timeout", "debug_blocking", "shutdown_timeout", "startup_timeout"]
)
def test_a_wrong_number_of_seconds_is_refused_by_name_and_unit(name, value):
    with pytest.raises(ConfigurationError) as caught:
        read(name, value)
    assert str(caught.value) == (
        f"The setting aiopyramid.{name} is {value!r}, but must be a number of seconds above zero"
    )


@pytest.mark.parametrize("value", ["ture", "2", "maybe"])
def test_what_is_neither_true_nor_false_is_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        read("cancel_on_disconnect", value)
    assert str(caught.value) == (
        f"The setting aiopyramid.cancel_on_disconnect is {value!r}, but must be true or false"
    )


@pytest.mark.parametrize("value", ["threads", "both", 1])
def test_a_place_for_requests_that_does_not_exist_is_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        read("requests", value)
    assert str(caught.value) == (
        f"The setting aiopyramid.requests is {value!r}, but must be auto, loop or thread"
    )


def test_auto_is_what_happens_without_the_setting():
    assert read("requests", "auto") is Settings().requests


def test_a_fraction_of_a_thread_is_refused():
    with pytest.raises(ConfigurationError, match=r"aiopyramid\.executor\.max_workers is 2\.5"):
        read("executor.max_workers", 2.5)


def test_a_wrong_setting_stops_the_configuration_of_the_application():
    config = Configurator(settings={"aiopyramid.request_timeout": "soon"})
    with pytest.raises(ConfigurationError, match=r"aiopyramid\.request_timeout is 'soon'"):
        config.include("aiopyramid_core")


# --- Settings that do not exist -------------------------------------------------------------------


def warnings_of(caplog, settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    config.commit()
    return [each.message for each in caplog.records if "setting" in each.message]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("request_timeouts", " Did you mean aiopyramid.request_timeout?"),
        ("exectuor.max_workers", " Did you mean aiopyramid.executor.max_workers?"),
        ("colour", ""),
    ],
)
def test_a_setting_that_does_not_exist_is_told_with_the_nearest_one(caplog, name, meant):
    assert warnings_of(caplog, {f"aiopyramid.{name}": "1"}) == [
        f"There is no setting aiopyramid.{name}.{meant}"
    ]


def test_settings_without_the_prefix_are_not_looked_at(caplog):
    assert warnings_of(caplog, {"request_timeouts": "1", "aiopyramid": "1"}) == []
