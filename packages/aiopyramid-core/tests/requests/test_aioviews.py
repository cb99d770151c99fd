"""``aioviews``, and its report: the command that tells where requests run."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from pyramid.config import Configurator
from pyramid.response import Response

from aiopyramid_core._requests.aioviews import main

INI = """\
[app:main]
use = call:{module}:{application}
{settings}

[loggers]
keys =
"""


async def coroutine(request):
    return Response("")


def synchronous(request):
    return Response("")


def make_app(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.include("aiopyramid_core")
        config.add_route("weather", "/weather/{city}")
        config.add_view(coroutine, route_name="weather")
        config.add_route("orders", "/orders")
        config.add_view(coroutine, route_name="orders", request_method="GET")
        config.add_view(synchronous, route_name="orders", request_method="POST")
        config.add_route("empty", "/empty")
        config.add_view(synchronous, name="edit")
        config.add_view(synchronous, name="health", run_on="loop")
        return config.make_wsgi_app()


def make_foreign_app(global_config, **settings):
    return Configurator(settings=settings).make_wsgi_app()


@pytest.fixture
def ini(tmp_path, monkeypatch):
    """Write a configuration file for one of the applications above."""
    (tmp_path / "aioviews_app.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)

    def ini(application, settings=""):
        path = tmp_path / "development.ini"
        path.write_text(
            INI.format(module="aioviews_app", application=application, settings=settings)
        )
        return str(path)

    return ini


def test_it_tells_of_each_route_and_view_where_it_runs_and_why(ini, capsys):
    assert main([ini("make_app")]) == 0
    assert capsys.readouterr().out == (
        "route weather  /weather/{city}\n"
        "    on the event loop\n"
        "      function aioviews_app.coroutine: on the event loop (a coroutine)\n"
        "route orders  /orders\n"
        "    in a thread, which its coroutine views hold while they wait: some are synchronous\n"
        "      function aioviews_app.coroutine: on the event loop (a coroutine)\n"
        "      function aioviews_app.synchronous: in a thread (synchronous)\n"
        "route empty  /empty\n"
        "    in a thread: it has no view\n"
        "view name 'edit', where no route matches\n"
        "    in a thread\n"
        "      function aioviews_app.synchronous, name 'edit': in a thread (synchronous)\n"
        "view name 'health', where no route matches\n"
        "    on the event loop\n"
        "      function aioviews_app.synchronous, name 'health': on the event loop"
        " (run_on='loop')\n"
        "A request that no route matches runs on the event loop if all views that its path\n"
        "could name do: each segment may be a view's name, and the empty name always is one\n"
        "if there is a resource tree.\n"
        "Whatever else there is, such as static files and pages that are not found: in a thread\n"
    )


def test_it_tells_when_the_setting_decides(ini, capsys):
    assert main([ini("make_app", "aiopyramid.requests = thread")]) == 0
    assert capsys.readouterr().out.startswith(
        "All requests run in a thread (aiopyramid.requests). On their own,\n"
    )


def test_an_application_without_the_include_gets_the_advice_to_include_it(ini, capsys):
    path = ini("make_foreign_app")
    assert main([path]) == 1
    assert capsys.readouterr().err == (
        f"{path}: the application does not include aiopyramid_core. Call"
        " config.include('aiopyramid_core'), or list it in pyramid.includes\n"
    )


def test_the_same_text_is_in_the_debug_log(caplog):
    caplog.set_level(logging.DEBUG, logger="aiopyramid_core")
    make_app({})
    (message,) = [text for text in caplog.messages if text.startswith("Where requests run:")]
    assert "route weather  /weather/{city}\n    on the event loop\n" in message


def test_it_is_a_command_of_the_environment():
    done = subprocess.run(
        [Path(sys.executable).parent / "aioviews", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("usage: aioviews")
