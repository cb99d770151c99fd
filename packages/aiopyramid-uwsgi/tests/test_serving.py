"""aiopyramid_core.testing and its pytest plugin, with a real uWSGI."""

import urllib.request
from pathlib import Path

import pytest
from uwsgi_command import uwsgi_binary_or_skip

from aiopyramid_core import NotServed
from aiopyramid_core.testing import SERVERS, is_installed, serving

pytest_plugins = ["pytester"]

APPLICATION = """
import asyncio
from pathlib import Path
from pyramid.config import Configurator
from pyramid.response import Response

async def goodbye(registry):
    Path(registry.settings["goodbye"]).touch()

async def hello(request):
    await asyncio.sleep(0)
    return Response(request.registry.settings["greeting"])

def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_uwsgi")
        config.add_shutdown(goodbye)
        config.add_view(hello)
        return config.make_wsgi_app()

def broken(global_config, **settings):
    raise ValueError("no database")
"""

get = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@pytest.fixture(autouse=True)
def binary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOPYRAMID_UWSGI", uwsgi_binary_or_skip())


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable module with applications."""
    (tmp_path / "served_by_uwsgi.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    return "served_by_uwsgi"


def test_an_application_is_served_with_its_settings_and_shut_down(
    module: str, tmp_path: Path
) -> None:
    goodbye = tmp_path / "goodbye"
    settings = {"greeting": "100 %\nsure", "goodbye": str(goodbye)}
    with serving(f"{module}:main", "uwsgi", settings) as site:
        with get(site.url, timeout=20) as response:
            assert response.read() == b"100 %\nsure"
        assert not goodbye.exists()
    assert goodbye.exists()


def test_an_application_that_cannot_be_made_is_shown_with_its_traceback(module: str) -> None:
    with pytest.raises(NotServed, match=r"(?s)Traceback.*ValueError: no database"):
        serving(f"{module}:broken", "uwsgi").__enter__()


def test_a_uwsgi_on_path_may_be_named_without_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    binary = Path(uwsgi_binary_or_skip())
    monkeypatch.setenv("PATH", str(binary.parent))
    monkeypatch.setenv("AIOPYRAMID_UWSGI", binary.name)
    assert is_installed("uwsgi")


def test_each_server_includes_it(pytester: pytest.Pytester, module: str) -> None:
    pytester.makepyfile(f"""
        def test_it(each_server, serve, tmp_path):
            if each_server == "uwsgi":
                settings = {{"greeting": "", "goodbye": str(tmp_path / "goodbye")}}
                assert "asyncio loop engine" in serve("{module}:main", each_server, settings).log
    """)
    options = ("-pno:cacheprovider", "-pno:asyncio", "-pno:looptime_plugin")
    result = pytester.runpytest_inprocess("-k", "uwsgi", *options)
    result.assert_outcomes(passed=1, deselected=len(SERVERS) - 1)
