"""lifespan, tweens: the end of a process whose server has threads and no event loop."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, threading, time
from pyramid.config import Configurator
from pyramid.response import Response
from webob import Request
from aiopyramid_core._bridge import process_loop as _process_loop
from aiopyramid_core import spawn, use_executor

config = Configurator()
def view(request):
    return Response("served")
{body}
config.include("aiopyramid_core")
{more}
config.add_view(view)
app = config.make_wsgi_app()
for _ in range({requests}):
    print(Request.blank("/").get_response(app).text)
"""


@pytest.fixture
def printed():
    """Serve requests in a process of its own, let it end, and return what it printed."""

    def printed(body, more="", requests=1):
        program = PROGRAM.format(body=body, more=more, requests=requests)
        command = [sys.executable, "-W", "ignore", "-c", program]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert finished.stderr == ""
        return finished.stdout.splitlines()

    return printed


def test_the_shutdown_functions_run(printed):
    body = """
async def down(registry):
    await asyncio.sleep(0)
    print("down")
"""
    assert printed(body, "config.add_shutdown(down)") == ["served", "down"]


def test_a_shutdown_function_may_use_threads(printed):
    body = """
async def down(registry):
    await use_executor(print)("down")
"""
    assert printed(body, "config.add_shutdown(down)") == ["served", "down"]


def test_a_thread_of_a_shutdown_function_may_wait_for_what_needs_a_thread_in_turn(printed):
    body = """
from aiopyramid_core import await_
def inner():
    await_(use_executor(print)("down"))
async def down(registry):
    await use_executor(inner)()
"""
    assert printed(body, "config.add_shutdown(down)") == ["served", "down"]


def test_an_application_without_such_functions_starts_no_loop(printed):
    body = """
def view(request):
    return Response(", ".join(thread.name for thread in threading.enumerate()))
"""
    assert printed(body) == ["MainThread"]


def test_it_waits_for_background_tasks(printed):
    body = """
async def background():
    await asyncio.sleep(0.2)
    print("task ended")
def view(request):
    spawn(background())
    return Response("served")
"""
    assert printed(body) == ["served", "task ended"]


def test_it_waits_no_shorter_than_the_setting_says(printed):
    # The loop's own time limit is made shorter here than the setting, as it is by default (5 < 10).
    body = """
_process_loop._STOP_SECONDS = 0.3
config.add_settings({"aiopyramid.shutdown_timeout": "20"})
async def background():
    await asyncio.sleep(1)
    print("task ended")
def view(request):
    spawn(background())
    return Response("served")
"""
    assert printed(body) == ["served", "task ended"]


def test_every_request_is_logged(printed):
    body = """
class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(0.1)
        print("logged", flush=True)
logging.getLogger("aiopyramid_core.requests").addHandler(Slow())
logging.getLogger("aiopyramid_core.requests").setLevel(logging.INFO)
"""
    more = 'config.add_tween("aiopyramid_core.tweens.request_logger_tween_factory")'
    assert printed(body, more, requests=4).count("logged") == 4
