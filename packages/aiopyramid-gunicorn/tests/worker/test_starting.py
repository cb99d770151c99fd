"""worker: startup and shutdown functions that fail or hang."""

import os
import signal

import pytest

APP = "starting_app:main()"
FAILED = "The startup function connect_to_database has failed: ConnectionError: no database"


@pytest.fixture
def server(gunicorn, tmp_path):
    """Start gunicorn with the application that looks for files in the folder of the test."""
    return lambda *options, **env: gunicorn(*options, app=APP, FOLDER=str(tmp_path), **env)


def all_serve(server, number):
    """Wait until so many workers serve; return the process id of one of them."""
    pids = set()

    def seen():
        pids.add(int(server.get("/pid")[1]))
        return len(pids) == number

    server.until(seen)
    return pids.pop()


# --- A start that fails ---------------------------------------------------------------------------


def test_the_first_start_that_fails_ends_gunicorn(server, tmp_path):
    (tmp_path / "fail").touch()
    server = server()
    server.ended()
    assert server.popen.returncode == 3
    server.said(FAILED)


def test_a_worker_that_cannot_start_in_the_place_of_another_tries_again(server, tmp_path):
    server = server()
    first = all_serve(server, 1)
    (tmp_path / "fail").touch()
    os.kill(first, signal.SIGKILL)
    server.said(FAILED, times=2)
    server.said("could not start; next attempt in 1s")
    server.said("could not start; next attempt in 2s")
    (tmp_path / "fail").unlink()
    assert int(server.get("/pid")[1]) != first
    assert server.output.count("Booting worker") == 2


def test_while_a_worker_cannot_start_the_others_serve(server, tmp_path):
    server = server("--workers", "2")
    first = all_serve(server, 2)
    (tmp_path / "fail").touch()
    os.kill(first, signal.SIGKILL)
    server.said(FAILED)
    for _ in range(5):
        assert server.get("/pid")[0] == 200
    # It is told to stop while it waits to try again.
    assert server.end(signal.SIGTERM) < 20
    assert server.popen.returncode == 0


# --- A start that hangs ---------------------------------------------------------------------------


def test_a_start_that_hangs_is_named_and_does_not_keep_the_worker_from_its_end(server, tmp_path):
    (tmp_path / "hang").touch()
    server = server("--timeout", "2")
    server.said("The startup function connect_to_database is still running after 5 seconds")
    assert server.output.count("Booting worker") == 1  # nobody took it for a blocked loop
    assert server.end(signal.SIGTERM) < 20
    server.said("was told to stop before the application had started")
    assert server.popen.returncode == 0


def test_a_start_that_hangs_for_longer_than_the_limit_fails(server, tmp_path):
    (tmp_path / "hang").touch()
    server = server(LIMIT="0.2")
    server.ended()
    assert server.popen.returncode == 3
    server.said(r"TimeoutError: it has not ended within 0.2 seconds \(aiopyramid.startup_timeout\)")


# --- Workers that replace others ------------------------------------------------------------------


def test_a_worker_accepts_until_those_that_replace_it_serve(server, tmp_path):
    server = server("--graceful-timeout", "60")
    old = all_serve(server, 1)
    (tmp_path / "hang").touch()
    server.signal(signal.SIGHUP)
    server.said("^starting$", times=2)  # it was forked, and the other one told to stop, before that
    assert {int(server.get("/pid")[1]) for _ in range(5)} == {old}
    (tmp_path / "hang").unlink()
    server.said(rf"Worker exiting \(pid: {old}\)")
    assert int(server.get("/pid")[1]) != old


def test_a_worker_stops_after_a_while_though_those_that_replace_it_do_not_serve(server, tmp_path):
    server = server("--graceful-timeout", "4")
    old = all_serve(server, 1)
    (tmp_path / "hang").touch()
    server.signal(signal.SIGHUP)
    server.said(f"<Worker {old}> stops accepting although no other worker has started")
    server.said(rf"Worker exiting \(pid: {old}\)")


def test_a_worker_that_accepts_until_others_serve_stops_at_once_if_told_so(server, tmp_path):
    server = server("--graceful-timeout", "60")
    old = all_serve(server, 1)
    (tmp_path / "hang").touch()
    server.signal(signal.SIGHUP)
    server.said("^starting$", times=2)
    os.kill(old, signal.SIGQUIT)
    server.said(rf"Worker exiting \(pid: {old}\)")
    assert "stops accepting although" not in server.output


# --- An end that hangs ----------------------------------------------------------------------------


def test_an_end_that_hangs_is_named_and_keeps_no_other_function_from_running(server, tmp_path):
    server = server("--graceful-timeout", "4")
    pid = server.get("/pid")[1]
    (tmp_path / "hang_at_end").touch()
    assert server.end(signal.SIGTERM) < 20
    server.said("The shutdown function disconnect has failed")
    server.said("TimeoutError: it has not ended within .* seconds")
    server.said(f"^stopped {pid}$")
