"""testing: the bridge around a call, and real servers."""

import asyncio
import contextvars
import importlib
import signal
import urllib.request

import pytest
from pyramid.testing import setUp, tearDown
from pyramid.threadlocal import get_current_request

from aiopyramid_core import NotServed, ScopeError, synchronize
from aiopyramid_core.testing import Bridge, serving

variable = contextvars.ContextVar("variable", default="unset")

APPLICATION = """
from pathlib import Path
from pyramid.config import Configurator
from pyramid.response import Response

async def goodbye(registry):
    Path(registry.settings["goodbye"]).touch()

def main(global_config, **settings):
    config = Configurator(settings=settings)
    config.include("aiopyramid_core")
    if "goodbye" in settings:
        config.add_shutdown(goodbye)

    async def view(request):
        return Response(settings.get("greeting", "Hello"))

    config.add_view(view)
    return config.make_wsgi_app()

def broken(global_config, **settings):
    raise ValueError("no database")
"""


@synchronize
async def doubled(number):
    await asyncio.sleep(0)
    return 2 * number


@pytest.fixture
def module(tmp_path, monkeypatch):
    """An importable module with applications."""
    (tmp_path / "served_for_tests.py").write_text(APPLICATION)
    monkeypatch.syspath_prepend(tmp_path)
    return "served_for_tests"


def read(url):
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read().decode()


# --- The bridge -----------------------------------------------------------------------------------


def test_a_synchronous_function_may_call_synchronized_coroutines(bridge):
    with pytest.raises(ScopeError):
        doubled(21)
    assert bridge.run(doubled, 21) == 42


def test_a_coroutine_may_call_synchronous_code_that_calls_synchronized_coroutines(bridge):
    async def main(number):
        await asyncio.sleep(0)
        return doubled(number)

    assert bridge.run(main, number=21) == 42


def test_all_calls_run_on_one_loop_which_is_closed_at_the_end():
    async def loop():
        return asyncio.get_running_loop()

    with Bridge() as bridge:
        first, second = bridge.run(loop), bridge.run(loop)
        assert first is second
        assert not first.is_closed()
    assert first.is_closed()


def test_the_loop_can_be_chosen():
    uvloop = pytest.importorskip("uvloop")
    with Bridge(uvloop.new_event_loop) as bridge:
        assert isinstance(bridge.run(asyncio.get_running_loop), uvloop.Loop)


def test_context_variables_go_in_and_come_back(bridge):
    def change():
        before = variable.get()
        variable.set("changed")
        return before

    token = variable.set("given")
    try:
        assert bridge.run(change) == "given"
        assert variable.get() == "changed"
    finally:
        variable.reset(token)


def test_the_thread_locals_of_pyramid_s_own_test_setup_are_seen(bridge):
    request = object()
    setUp(request=request)
    try:
        assert bridge.run(get_current_request) is request
    finally:
        tearDown()


def test_what_the_function_raises_is_raised(bridge):
    with pytest.raises(ZeroDivisionError):
        bridge.run(lambda: 1 / 0)


# --- Servers --------------------------------------------------------------------------------------


def test_a_function_is_served_with_its_settings(module, each_server):
    settings = {"greeting": "100 %\nsure"}
    with serving(f"{module}:main", each_server, settings) as site:
        assert read(site.url) == "100 %\nsure"


def test_the_function_itself_does_instead_of_its_name(module):
    main = importlib.import_module(module).main
    with serving(main) as site:
        assert read(site.url) == "Hello"


def test_an_ini_file_is_served(module, tmp_path):
    ini = tmp_path / "development.ini"
    ini.write_text(f"[app:main]\nuse = call:{module}:main\ngreeting = from the file\n")
    with serving(f"config:{ini}") as site:
        assert read(site.url) == "from the file"
    with serving(f"config:{ini}", settings={"greeting": "from the test"}) as site:
        assert read(site.url) == "from the test"


def test_the_project_s_own_settings_of_gunicorn_are_left_out(module, tmp_path, monkeypatch):
    pytest.importorskip("aiopyramid_gunicorn")
    (tmp_path / "gunicorn.conf.py").write_text("pidfile = 'gunicorn.pid'\n")
    monkeypatch.chdir(tmp_path)
    with serving(f"{module}:main", "gunicorn") as site:
        assert read(site.url) == "Hello"
        assert not (tmp_path / "gunicorn.pid").exists()


def test_the_application_shuts_down_at_the_end(module, tmp_path, each_server):
    goodbye = tmp_path / "goodbye"
    with serving(f"{module}:main", each_server, {"goodbye": str(goodbye)}) as site:
        read(site.url)
        assert not goodbye.exists()
    assert goodbye.exists()


def test_it_does_so_though_the_tests_run_in_the_background(module, tmp_path):
    goodbye = tmp_path / "goodbye"
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a new process inherits
    try:
        with serving(f"{module}:main", settings={"goodbye": str(goodbye)}) as site:
            read(site.url)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert goodbye.exists()


def test_an_application_that_cannot_be_made_is_shown_with_its_traceback(module):
    with pytest.raises(NotServed, match=r"(?s)Traceback.*ValueError: no database"):
        serving(f"{module}:broken").__enter__()


def test_a_server_that_nobody_knows_is_refused_with_those_that_there_are():
    known = "the servers known here are gunicorn, uwsgi, uvicorn, hypercorn, granian, daphne,"
    with pytest.raises(NotServed, match=known):
        serving("package:main", "apache").__enter__()


def test_a_function_that_another_process_cannot_import_is_refused():
    def main(global_config, **settings):
        raise AssertionError

    with pytest.raises(NotServed, match="cannot be imported: define it in a module"):
        serving(main).__enter__()


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "does not name a uWSGI with asyncio"), ("/no/uwsgi", "names /no/uwsgi, which is no")],
)
def test_without_a_uwsgi_it_says_where_it_looks_for_one(value, says, monkeypatch):
    pytest.importorskip("aiopyramid_uwsgi")
    monkeypatch.setenv("AIOPYRAMID_UWSGI", value)
    with pytest.raises(NotServed, match=f"the environment variable AIOPYRAMID_UWSGI {says}"):
        serving("package:main", "uwsgi").__enter__()
