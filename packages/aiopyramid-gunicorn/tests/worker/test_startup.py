"""worker: how it starts, what it says about settings, and how gunicorn ends if it cannot start."""

import json
import os
import re
import signal

import pytest
from gunicorn.workers import SUPPORTED_WORKERS

from aiopyramid_gunicorn._application import errors_of

PLAIN = "plain_app:app"
GET = b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"


# --- Applications that cannot be started ----------------------------------------------------------

BROKEN = {
    "an import that fails": ("import absent_module\n", "No module named 'absent_module'", 3),
    "an error at import": ("raise LookupError('a bug')\n", "LookupError: a bug", 3),
    "a syntax error": ("def app(:\n", "SyntaxError", 3),
    "a factory that fails": (
        "def main():\n    raise LookupError('a bug')\n",
        "LookupError: a bug",
        3,
    ),
    "no such application": ("", "Failed to find attribute", 4),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("worker", ["aiopyramid_gunicorn.worker.AsyncGunicornWorker", "sync"])
def test_an_application_that_cannot_be_loaded_ends_gunicorn_as_usual(
    gunicorn, tmp_path, what, worker
):
    source, message, code = BROKEN[what]
    (tmp_path / "broken.py").write_text(source)
    app = "broken:main()" if "factory" in what else "broken:app"
    server = gunicorn(app=app, worker=worker, PYTHONPATH=str(tmp_path))
    server.ended()
    assert server.popen.returncode == code
    server.said(re.escape(message))
    server.said("Worker failed to boot" if code == 3 else "App failed to load")


def test_with_reload_a_syntax_error_is_shown_until_it_is_fixed(gunicorn, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def app(:\n")
    server = gunicorn("--reload", app="broken:app", PYTHONPATH=str(tmp_path))
    status, text = server.get("/")
    assert status == 500
    assert "SyntaxError" in text


# --- Applications that cannot be served ----------------------------------------------------------

MAIN = """
from pyramid.config import Configurator
from pyramid.response import Response

async def view(request):
    return Response("hello")

def main(global_config=None, **settings):
    config = Configurator()
    config.add_view(view)
    return config.make_wsgi_app()
"""

PATCHES = {
    "gevent": "from gevent.monkey import patch_all; patch_all()\n",
    "eventlet": "from eventlet import monkey_patch; monkey_patch()\n",
}
APP = "def app(environ, start_response): ...\n"


def test_the_function_that_makes_the_application_is_not_taken_for_it(gunicorn, tmp_path):
    (tmp_path / "site_main.py").write_text(MAIN)
    server = gunicorn(app="site_main:main", PYTHONPATH=str(tmp_path))
    server.ended()
    server.said(re.escape("Have gunicorn call it: 'site_main:main()'"))


ASYNC_MAIN = MAIN.replace("def main", "async def main")
COROUTINE = (
    "main makes the application, but it is a coroutine function, which gunicorn does not await:"
    " define it with 'def'"
)


@pytest.mark.parametrize("name", ["main", "main()"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_that_makes_the_application_and_is_a_coroutine_is_refused(
    gunicorn, tmp_path, name
):
    (tmp_path / "site_main.py").write_text(ASYNC_MAIN)
    server = gunicorn(app=f"site_main:{name}", PYTHONPATH=str(tmp_path))
    server.ended()
    server.said(COROUTINE)
    assert "Have gunicorn call it" not in server.output


def test_what_it_has_returned_is_refused_too(recwarn):
    async def main():
        """Make an application, for pserve."""

    assert [text.partition(":")[0] for text in errors_of(main())] == [
        "test_what_it_has_returned_is_refused_too.<locals>.main makes the application, but it is"
        " a coroutine function, which gunicorn does not await"
    ]
    assert not recwarn.list


def test_a_forgotten_include_is_told(gunicorn, tmp_path):
    (tmp_path / "site_main.py").write_text(MAIN)
    server = gunicorn(app="site_main:main()", PYTHONPATH=str(tmp_path))
    server.said(r"function site_main.view is a coroutine, and the application does not include")


@pytest.mark.parametrize("name", PATCHES)
def test_monkey_patched_threads_are_refused_once(gunicorn, tmp_path, name):
    (tmp_path / "patched.py").write_text(PATCHES[name] + APP)
    server = gunicorn(app="patched:app", PYTHONPATH=str(tmp_path))
    server.ended()
    server.said(f"{name} has replaced the threads of this process", times=1)
    assert server.output.count("has replaced the threads") == 1
    # Which gunicorn itself says: it has no worker for eventlet any more.
    remedy = rf", or serve it by gunicorn's worker {name}$"
    assert bool(re.search(remedy, server.output, re.MULTILINE)) is (name in SUPPORTED_WORKERS)


@pytest.mark.parametrize("name", PATCHES)
def test_monkey_patching_in_gunicorns_own_process_is_refused_too(gunicorn, tmp_path, name):
    (tmp_path / "conf.py").write_text(PATCHES[name])
    server = gunicorn("-c", str(tmp_path / "conf.py"))
    server.ended()
    assert server.popen.returncode == 3
    server.said(f"ConfigurationError: {name} has replaced the threads of this process")


# --- The worker's name ----------------------------------------------------------------------------


def test_the_worker_has_a_name_among_the_entry_points(gunicorn):
    server = gunicorn(app=PLAIN, worker="egg:aiopyramid-gunicorn#aiopyramid")
    assert server.get("/")[0] == 200


def test_the_short_name_alone_is_gunicorns_to_give_and_gunicorn_says_so(gunicorn):
    # As soon as gunicorn looks for it in other distributions, the documents can offer it.
    server = gunicorn(app=PLAIN, worker="aiopyramid")
    server.ended()
    assert server.popen.returncode == 1
    server.said("class uri 'aiopyramid' invalid or not found")


# --- Settings -------------------------------------------------------------------------------------


def test_a_setting_that_makes_no_sense_is_mentioned_once(gunicorn):
    server = gunicorn("--http-parser", "python", "--workers", "2", app=PLAIN)
    server.said("Booting worker", times=2)
    worker = int(server.said(r"Booting worker with pid: (\d+)")[1])
    os.kill(worker, signal.SIGKILL)
    server.said("Booting worker", times=3)
    server.talk(GET)
    lines = [line for line in server.lines if "The setting http_parser is ignored" in line]
    assert len(lines) == 1
    assert "httptools" in lines[0]


def test_the_protocol_of_uwsgi_ends_gunicorn_with_a_message(gunicorn):
    server = gunicorn("--protocol", "uwsgi", app=PLAIN)
    server.ended()
    assert server.popen.returncode == 3
    server.said("Reason: this worker does not speak protocol = 'uwsgi'.*proxy_pass")


def test_environment_folder_and_path_are_those_of_the_settings(gunicorn, tmp_path):
    (tmp_path / "elsewhere.py").write_text(
        "import os\n"
        "from plain_app import brief\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [repr((os.getcwd(), os.environ['NAMED'])).encode()]\n"
    )
    where = tmp_path / "folder"
    where.mkdir()
    options = ("--env", "NAMED=value", "--chdir", str(where), "--pythonpath", str(tmp_path))
    server = gunicorn(*options, app="elsewhere:app")
    assert server.get("/")[1] == repr((str(where), "value"))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_the_worker_runs_as_user_and_group(gunicorn, tmp_path):
    # The folder of the test is closed to others, but the main process reads the settings.
    (tmp_path / "conf.py").write_text(
        "import os\n"
        "def post_worker_init(worker):\n"
        "    print('runs as', os.getuid(), os.getgid(), flush=True)\n"
    )
    settings = ("-c", str(tmp_path / "conf.py"))
    server = gunicorn(*settings, "--user", "65534", "--group", "65534", app=PLAIN)
    server.said("^runs as 65534 65534$")
    assert server.talk(GET).startswith(b"HTTP/1.1 200 ")


def test_a_mount_point_comes_from_the_environment_or_from_a_proxy(gunicorn):
    server = gunicorn(app=PLAIN, SCRIPT_NAME="/below")
    environ = json.loads(server.get("/below/path")[1])
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/below", "/path")
    request = (
        b"GET /other/path HTTP/1.1\r\nHost: a\r\nSCRIPT_NAME: /other\r\nConnection: close\r\n\r\n"
    )
    environ = json.loads(server.talk(request).partition(b"\r\n\r\n")[2])
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/other", "/path")


@pytest.mark.parametrize("setting", ["--limit-request-line", "--limit-request-fields"])
def test_a_limit_of_0_is_none(gunicorn, setting):
    server = gunicorn(setting, "0", "--limit-request-field_size", "0", app=PLAIN)
    long = b"a" * 20_000
    answer = server.talk(
        GET.replace(b"/ ", b"/?" + long[:4000] + b" ", 1)[:-2]
        + b"X: 1\r\n" * 90
        + b"X: "
        + long
        + b"\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_uploads_spill_into_tmp_upload_dir(gunicorn, tmp_path):
    (tmp_path / "conf.py").write_text(f"tmp_upload_dir = {str(tmp_path / 'absent')!r}\n")
    server = gunicorn("-c", str(tmp_path / "conf.py"), app=PLAIN)
    small = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    assert server.talk(small).startswith(b"HTTP/1.1 200 ")
    assert "absent" not in server.output


# --- Hooks ----------------------------------------------------------------------------------------

HOOKS = """
import os, sys

def say(*words):
    print("hook:", *words, flush=True)

def post_fork(server, worker):
    say("post_fork", worker.pid == os.getpid())

def post_worker_init(worker):
    import asyncio
    say("post_worker_init", callable(worker.wsgi), asyncio.get_event_loop() is worker.loop)

def worker_int(worker):
    say("worker_int", worker.pid == os.getpid())

def worker_abort(worker):
    say("worker_abort", worker.pid == os.getpid())

def worker_exit(server, worker):
    say("worker_exit", worker.pid == os.getpid())
"""


@pytest.fixture
def with_hooks(gunicorn, tmp_path):
    """Start gunicorn with hooks that say when they are called."""
    (tmp_path / "conf.py").write_text(HOOKS)
    return lambda *options: gunicorn("-c", str(tmp_path / "conf.py"), *options)


def test_the_hooks_of_a_workers_life_are_called_in_order(with_hooks):
    server = with_hooks()
    server.get("/hello")
    server.end()
    said = [line.removeprefix("hook: ") for line in server.lines if line.startswith("hook: ")]
    assert said == ["post_fork True", "post_worker_init True True", "worker_exit True"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_worker_int_is_called_when_the_worker_is_interrupted(with_hooks, number):
    server = with_hooks()
    server.get("/hello")
    os.kill(int(server.get("/pid")[1]), number)
    server.said("^hook: worker_int True$")
    server.said("^hook: worker_exit True$")


def test_worker_abort_is_called_when_the_loop_is_blocked_and_the_stack_is_logged(with_hooks):
    server = with_hooks("--timeout", "1")
    server.get("/hello")
    server.get_later("/freeze")
    server.said("^hook: worker_abort True$")
    server.said(r"The event loop was blocked for 1 seconds \(timeout\), here:")
    server.said(r'served_app\.py", line \d+, in freeze$')
    server.said("Booting worker", times=2)
    assert server.get("/hello") == (200, "hello")


# --- The compiled form ----------------------------------------------------------------------------


def test_at_debug_level_a_worker_says_which_form_is_in_use(gunicorn):
    server = gunicorn("--log-level", "debug", app=PLAIN)
    server.said(r"Usual requests are handled by code in this form: (pure Python|compiled)")


def test_a_compiled_form_that_does_not_fit_ends_gunicorn_with_the_remedy(gunicorn, tmp_path):
    package = tmp_path / "aiopyramid_gunicorn_fast"
    package.mkdir()
    (package / "__init__.py").write_text("INTERFACE = 0\n")
    server = gunicorn(app=PLAIN, PYTHONPATH=str(tmp_path))
    server.ended()
    assert server.popen.returncode == 3
    server.said(r'pip install --upgrade "aiopyramid-gunicorn\[fast\]"')
