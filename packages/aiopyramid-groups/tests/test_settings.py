"""settings and the include: invalid values are refused when the application is configured."""

import sys

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError

from aiopyramid_groups._redis.address import Kind, read_url
from aiopyramid_groups.settings import GroupsSettings


def included(**settings):
    named = {f"aiopyramid.groups.{name}": value for name, value in settings.items()}
    config = Configurator(settings=named)
    config.include("aiopyramid_groups")
    return config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "amqp://localhost"),
        ("prefix", "a:b"),
        ("prefix", "a{b}"),
        ("prefix", "x" * 101),
        ("history", "0"),
        ("history_seconds", "0.5"),
        ("send_timeout", "-1"),
        ("heartbeat", "soon"),
        ("max_message", "none"),
        ("max_who", "1e3"),
    ],
)
def test_an_invalid_setting_is_refused_by_its_name(name, value):
    with pytest.raises(ConfigurationError, match=rf"aiopyramid\.groups\.{name}.*{value[:5]}"):
        included(**{name: value})


def test_settings_may_be_text():
    settings = GroupsSettings.from_mapping(
        {"aiopyramid.groups.history": "7", "aiopyramid.groups.heartbeat": "0.5"}
    )
    assert settings == GroupsSettings(history=7, heartbeat_seconds=0.5)


def test_redis_needs_its_client(monkeypatch):
    monkeypatch.delitem(sys.modules, "aiopyramid_groups.redis", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.exceptions", None)
    with pytest.raises(ConfigurationError, match=r"install aiopyramid-groups\[redis\]"):
        included(url="redis://localhost")


@pytest.mark.parametrize(
    "url",
    [
        "redis://host/x/y/z?db=many",
        "redis+sentinel://host",
        "redis+sentinel://h:x/name",
        "redis+sentinel://h:1/name/x",
        "redis+cluster://",
        "redis+cluster://a,,b",
        "redis+cluster://a/1",
    ],
)
def test_an_invalid_url_is_refused(url):
    with pytest.raises(ConfigurationError, match="invalid URL of a Redis"):
        included(url=url)


def test_the_url_of_sentinels_names_them_and_the_service():
    address = read_url("redis+sentinel://ada:se%2Fcret@a:1,b/mymaster/3")
    assert address.kind is Kind.SENTINELS
    assert address.hosts == (("a", 1), ("b", 26379))
    assert address.service == "mymaster"
    assert address.url(("m", 6379)) == "redis://ada:se%2Fcret@m:6379/3"


def test_the_url_of_a_cluster_names_some_of_its_servers():
    address = read_url("rediss+cluster://:se%73cret@a:1,[::1]:2,c?ssl_ca_certs=ca.pem")
    assert address.kind is Kind.CLUSTER
    assert address.hosts == (("a", 1), ("::1", 2), ("c", 6379))
    assert address.url(address.hosts[1]) == "rediss://:se%73cret@[::1]:2/0?ssl_ca_certs=ca.pem"


def test_an_error_does_not_show_the_password():
    with pytest.raises(ConfigurationError) as raised:
        included(url="redis+cluster://ada:secret@host/7")
    assert "secret" not in str(raised.value)
    assert "a cluster has only the database 0" in str(raised.value)


def test_an_application_may_have_an_engine_of_its_own():
    engine = object()
    config = Configurator()
    config.registry["aiopyramid.groups.engine"] = engine
    config.include("aiopyramid_groups")
    assert config.registry["aiopyramid.groups.hub"].engine is engine
