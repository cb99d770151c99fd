"""settings: of the application and of a view."""

import dataclasses

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError

from aiopyramid_websocket import WebSocketMapper
from aiopyramid_websocket.settings import OPTIONS, WebSocketSettings, override, settings_of


def read(**values):
    """Return an application's settings from what an ini file says, given without prefix."""
    settings = {f"aiopyramid.websocket.{name}": value for name, value in values.items()}
    config = Configurator(settings=settings)
    config.include("aiopyramid_websocket")
    return settings_of(config.registry)


@pytest.mark.parametrize("values", [{}, dict.fromkeys(OPTIONS, "")])
def test_what_is_not_set_has_its_default(values):
    assert read(**values) == WebSocketSettings()


def test_every_option_can_be_set_in_an_ini_file():
    assert read(
        origins="https://a.example https://*.b.example",
        subprotocols="a\n b",
        max_size="4096",
        max_queue="5",
        max_connections="6",
        ping_interval="7.5",
        ping_timeout="8",
        close_timeout="9",
        handler_timeout="10",
        compression="none",
        bridge="false",
    ) == WebSocketSettings(
        origins=("https://a.example", "https://*.b.example"),
        subprotocols=("a", "b"),
        max_size_bytes=4096,
        max_queue=5,
        max_connections=6,
        ping_interval_seconds=7.5,
        ping_timeout_seconds=8.0,
        close_timeout_seconds=9.0,
        handler_timeout_seconds=10.0,
        compression=None,
        bridge=False,
    )


@pytest.mark.parametrize("off", ["none", "off", "None"])
@pytest.mark.parametrize(
    "name", ["max_size", "max_connections", "ping_interval", "ping_timeout", "handler_timeout"]
)
def test_some_limits_can_be_turned_off(name, off):
    (field,) = override({name: 1})
    assert getattr(read(**{name: off}), field) is None
    assert override({name: None}) == {field: None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origins", "example.com"),
        ("origins", "https://a.example/path"),
        ("subprotocols", "a,b"),
        ("max_size", "0"),
        ("max_size", "1 MB"),
        ("max_queue", "none"),
        ("max_connections", "-1"),
        ("ping_interval", "soon"),
        ("ping_timeout", "inf"),
        ("close_timeout", "off"),
        ("handler_timeout", "0"),
        ("compression", "zip"),
    ],
)
def test_what_makes_no_sense_is_refused_when_the_application_is_configured(name, value):
    with pytest.raises(ConfigurationError, match=f"aiopyramid.websocket.{name} is '{value}', but"):
        read(**{name: value})
    with pytest.raises(ConfigurationError, match=f"option {name} is '{value}', but must be"):
        WebSocketMapper.configure(**{name: value})


def test_an_unknown_option_is_refused_with_a_list_of_those_there_are():
    with pytest.raises(
        ConfigurationError,
        match="Unknown WebSocket option 'max_sise', expected one of bridge, cl",
    ):
        WebSocketMapper.configure(max_sise=1)


def test_configured_mappers_build_on_each_other():
    mapper = WebSocketMapper.configure(max_size=1).configure(max_queue=2)
    assert issubclass(mapper, WebSocketMapper)
    assert mapper.options == {"max_size": 1, "max_queue": 2}
    assert WebSocketMapper.options == {}


def test_there_is_an_option_for_every_field():
    fields = {field.name for field in dataclasses.fields(WebSocketSettings)}
    samples = {"origins": ["*"], "subprotocols": ["a"], "compression": None}
    assert {next(iter(override({name: samples.get(name, 1)}))) for name in OPTIONS} == fields
