"""The beginning and the end of real uWSGI workers."""

import contextlib
import os
import re
import signal
import socket
import sys
import threading

import pytest
from server_process import PATIENCE_SECONDS, Process
from uwsgi_command import uwsgi_binary_or_skip, uwsgi_command

SITE = os.path.join(os.path.dirname(__file__), "site")


def later(function, *args):
    """Call a function in a thread, and return a function that waits for its outcome."""
    outcome = []

    def call():
        try:
            outcome.append(function(*args))
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=call)
    thread.start()

    def wait():
        thread.join(PATIENCE_SECONDS)
        return outcome[0]

    return wait


# --- The end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, "asyncio"), (signal.SIGTERM, "uvloop")]
)
def test_the_end_waits_for_requests_in_progress(uwsgi, tmp_path, number, kind):
    server = uwsgi(settings={"aiopyramid.uwsgi.loop": kind})
    answer = later(server.get, f"/wait?file={tmp_path / 'go'}")
    server.said("came to /wait")
    server.signal(number)
    server.said("finishing 1 requests")
    (tmp_path / "go").touch()
    assert answer() == (200, "waited")
    server.ended()
    assert server.popen.returncode == 0


def test_the_end_waits_for_background_tasks_and_then_runs_shutdown_functions(uwsgi):
    server = uwsgi()
    server.get("/background")
    server.stop()
    said = [line for line in server.lines if re.match(r"the background|shutdown of", line)]
    assert said[0] == "the background task of /background has ended"
    assert said[1].startswith("shutdown of")
    assert "Traceback" not in server.output


def test_the_end_breaks_off_what_takes_too_long(uwsgi, tmp_path):
    server = uwsgi(settings={"aiopyramid.uwsgi.graceful_timeout": "0.2"})
    answer = later(server.get, f"/wait?file={tmp_path / 'never'}")
    server.said("came to /wait")
    server.stop()
    server.said("Breaking off 1 requests")
    assert answer() == (503, "Service Unavailable\n")


def test_event_streams_end_at_once_and_their_clients_are_to_come_again(uwsgi):
    server = uwsgi(settings={"aiopyramid.uwsgi.graceful_timeout": "60"})
    with socket.create_connection(("127.0.0.1", server.port), 30) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: test\r\n\r\n")
        stream = b""
        while b"data: tick" not in stream:
            stream += client.recv(1000)
        server.signal(signal.SIGTERM)
        while part := client.recv(1000):
            stream += part
    server.ended()
    assert b"retry: " in stream
    assert "Breaking off" not in server.output


def test_a_connection_that_fails_to_stop_does_not_hold_up_the_end(uwsgi):
    server = uwsgi()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
            stack.enter_context(client)
            client.sendall(b"GET /switch HTTP/1.1\r\nHost: a\r\nUpgrade: test\r\n\r\n")
        server.said("switched to a protocol", times=2)
        assert server.stop() < 20
    server.said("GET /switch has failed, and is broken off", times=2)
    server.said("shutdown of")
    assert "Breaking off" not in server.output


def test_the_end_does_not_wait_for_threads_that_block(uwsgi):
    server = uwsgi(settings={"aiopyramid.uwsgi.graceful_timeout": "0.2"})
    later(server.get, "/block_forever")
    server.said("came to block forever")
    assert server.stop() < 10


def test_uwsgis_own_limit_is_kept(uwsgi, tmp_path):
    server = uwsgi("--worker-reload-mercy", "3")
    later(server.get, f"/wait?file={tmp_path / 'never'}")
    server.said("came to /wait")
    server.stop()
    server.said("Breaking off 1 requests")
    server.said("shutdown of")


def test_the_end_without_a_master_is_as_orderly(tmp_path):
    command = [option for option in uwsgi_command("--module", "served_app") if option != "--master"]
    with contextlib.closing(Process(command, {"PYTHONPATH": SITE, "SETTINGS": "{}"})) as server:
        server.said("startup of")
        server.end(signal.SIGINT)
        server.said("shutdown of")
        assert server.popen.returncode == 30


# --- Reload ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--lazy-apps",)])
def test_a_reload_finishes_requests_and_loses_none(uwsgi, tmp_path, options):
    # A port of its own choice it would not find again.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = uwsgi("--http-socket", f"127.0.0.1:{port}", *options)
    before = server.get("/pid")
    answer = later(server.get, f"/wait?file={tmp_path / 'go'}")
    server.said("came to /wait")
    server.signal(signal.SIGHUP)
    server.said("SIGHUP: finishing 1 requests")
    during = later(server.get, "/pid")  # waits in the backlog for the new worker
    (tmp_path / "go").touch()
    assert answer() == (200, "waited")
    assert during() not in (before, [])
    assert server.get("/pid") == during()
    assert "DAMN" not in server.output


# --- The configuration file -----------------------------------------------------------------------

OF_THE_ORIGINAL = """
[app:main]
use = call:served_app:main

[uwsgi]
http-socket = 127.0.0.1:0
workers = 1
plugins =
    asyncio = 50
    greenlet
"""


def test_the_ini_file_of_aiopyramid_0_x_works_as_printed(tmp_path):
    (tmp_path / "development.ini").write_text(OF_THE_ORIGINAL)
    command = [uwsgi_binary_or_skip(), "--home", sys.prefix]
    command += ["--ini-paste", str(tmp_path / "development.ini")]
    with contextlib.closing(Process(command, {"PYTHONPATH": SITE, "SETTINGS": "{}"})) as server:
        server.said("startup of")
        server.end(signal.SIGINT)
        server.said("shutdown of")


# --- The beginning --------------------------------------------------------------------------------


def test_startup_functions_run_in_each_worker_before_there_is_a_request(uwsgi):
    server = uwsgi("--processes", "3")
    pids = {server.said("startup of (.*)", times=number)[1] for number in (1, 2, 3)}
    assert len(pids) == 3


def test_the_garbage_collector_does_not_visit_the_application(uwsgi):
    assert uwsgi().get("/garbage") == (200, "False")


@pytest.mark.parametrize("options", [(), ("--lazy-apps",)])
def test_a_startup_function_that_fails_ends_the_server_that_needs_its_application(uwsgi, options):
    server = uwsgi(*options, FAIL_AT_STARTUP="yes")
    server.ended()
    server.said("The startup function start has failed: ConnectionError: no database")


@pytest.mark.parametrize("options", [(), ("--lazy-apps",)])
def test_a_worker_that_cannot_start_in_the_place_of_another_tries_again(uwsgi, tmp_path, options):
    fail = tmp_path / "fail"
    server = uwsgi("--processes", "2", *options, FAIL_IF=str(fail))
    server.said("startup of", times=2)
    server.until(lambda: len({server.get("/pid")[1] for _ in range(20)}) == 2)
    fail.touch()
    os.kill(int(server.get("/pid")[1]), signal.SIGKILL)
    server.said("This worker could not start; another one tries in 2s", times=2)
    for _ in range(5):  # the other worker does
        assert server.get("/hello") == (200, "hello")
    fail.unlink()
    server.said("startup of", times=5)
    server.until(lambda: len({server.get("/pid")[1] for _ in range(20)}) == 2)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_while_a_worker_starts_the_others_have_all_clients(uwsgi, tmp_path, loop):
    hold = tmp_path / "hold"
    settings = {"aiopyramid.uwsgi.loop": loop}
    server = uwsgi("--processes", "2", settings=settings, WAIT_IF=str(hold))
    server.until(lambda: len({server.get("/pid")[1] for _ in range(20)}) == 2)
    hold.touch()
    killed = server.get("/pid")[1]
    os.kill(int(killed), signal.SIGKILL)
    server.said("startup of", times=3)
    clients = [later(server.get, "/pid") for _ in range(50)]
    answers = {wait() for wait in clients}
    assert len(answers) == 1
    hold.unlink()
    server.until(lambda: len({server.get("/pid")[1] for _ in range(20)}) == 2)


@pytest.mark.parametrize(
    ("when", "options"), [("THREADS_BEFORE", ["--lazy-apps"]), ("THREADS_AFTER", [])]
)
def test_the_application_may_set_an_executor_while_it_is_loaded(uwsgi, when, options):
    if when == "THREADS_BEFORE" and sys.version_info >= (3, 14):
        pytest.skip("Python 3.14 has no event loop for it before the include")
    server = uwsgi(*options, settings={"aiopyramid.uwsgi.loop": "uvloop"}, **{when: "yes"})
    # There are as many threads for synchronous requests as it has.
    assert server.get("/executor") == (200, "of-the-application 2")
    assert server.get("/loop") == (200, "uvloop")


def test_a_hook_of_the_application_is_called_as_well(uwsgi):
    server = uwsgi(HOOK="yes")
    server.said("the hook of the application")
    assert server.get("/hello") == (200, "hello")


def test_the_application_does_not_start_without_the_loop_that_it_asks_for(uwsgi, tmp_path):
    (tmp_path / "uvloop.py").write_text("raise ImportError('hidden by the test')")
    server = uwsgi("--pythonpath", str(tmp_path), settings={"aiopyramid.uwsgi.loop": "uvloop"})
    server.ended()
    server.said(r"uvloop', which is not installed: install aiopyramid-uwsgi\[uvloop\]")


@pytest.mark.parametrize(
    ("missing", "said"),
    [("--asyncio", "without --asyncio 100"), ("--greenlet", "without --greenlet")],
)
def test_the_application_does_not_start_without_the_engine_or_greenlets(missing, said):
    command = uwsgi_command("--module", "served_app")
    at = command.index(missing)
    del command[at : at + (2 if missing == "--asyncio" else 1)]
    if missing == "--asyncio":
        command.remove("--greenlet")
    with contextlib.closing(Process(command, {"PYTHONPATH": SITE, "SETTINGS": "{}"})) as server:
        server.ended()
        server.said(f"EngineMissing: uWSGI was started {said}")
