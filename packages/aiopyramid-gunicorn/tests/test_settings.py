"""_settings: what is said about settings that the worker does not honour."""

import re
from pathlib import Path

import pytest
from gunicorn.config import Config

from aiopyramid_gunicorn._settings import _IGNORED, check_settings, sends_files
from aiopyramid_gunicorn.exceptions import SettingNotSupported

README = Path(__file__).parents[1] / "README.md"
SET = {
    "http_parser": "python",
    "http_protocols": "h2,h1",
    "http2_cleartext": "prior-knowledge",
    "do_handshake_on_connect": True,
    "suppress_ragged_eofs": False,
    "root_path": "/below",
    "asgi_loop": "asyncio",
    "asgi_lifespan": "off",
    "asgi_disconnect_grace_period": 1,
    "websocket_max_message_size": 1,
}


def test_with_the_defaults_of_gunicorn_nothing_is_said(config):
    assert list(check_settings(config())) == []


@pytest.mark.parametrize("name", _IGNORED)
def test_a_setting_that_is_ignored_is_named_with_a_reason(config, name):
    if name not in Config().settings:
        pytest.skip(f"this gunicorn has no {name}")
    (said,) = check_settings(config(**{name: SET.get(name, True)}))
    assert said.startswith(f"The setting {name} is ignored: ")
    assert said.endswith(".")


def test_the_readme_says_of_no_other_setting_that_it_is_ignored():
    readme = README.read_text(encoding="utf-8")
    paragraph = readme.split("Settings that have no meaning here are ignored")[1]
    named = re.findall("`([a-z_]+)`", paragraph.partition(" A `protocol`")[0])
    assert set(named) - {"asgi"} == {"http_parser"} <= set(_IGNORED)


def test_a_protocol_other_than_http_is_refused(config):
    if "protocol" not in Config().settings:
        pytest.skip("this gunicorn knows HTTP only")
    with pytest.raises(SettingNotSupported, match="proxy_pass"):
        list(check_settings(config(protocol="uwsgi")))


@pytest.mark.parametrize(
    ("setting", "variable", "sends"),
    [
        (None, None, True),
        (None, "no", False),
        (False, None, False),
        (False, "yes", False),
        (True, None, True),
        (True, "no", True),
    ],
)
def test_files_are_sent_by_the_system_unless_that_is_switched_off(
    config, monkeypatch, setting, variable, sends
):
    monkeypatch.delenv("SENDFILE", raising=False)
    if variable is not None:
        monkeypatch.setenv("SENDFILE", variable)
    cfg = config() if setting is None else config(sendfile=setting)
    assert sends_files(cfg) is sends
