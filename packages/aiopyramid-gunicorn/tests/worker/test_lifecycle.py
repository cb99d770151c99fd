"""worker: no request is lost when workers are replaced, stopped or killed under load.

The long version, with figures and beside gunicorn's own worker, is ``benchmarks/reload.py``.
"""

import asyncio
import os
import re
import signal
from pathlib import Path

import counting_load
import pytest
from counting_load import CountingLoad

SUPPORT = str(Path(counting_load.__file__).parent)
HELLO = b"GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"


@pytest.fixture
def loaded(gunicorn):
    """Start gunicorn with two workers and the application for a load."""

    def loaded(*options):
        settings = ("--workers", "2", "--keep-alive", "30", "--graceful-timeout", "60")
        server = gunicorn(*settings, *options, app="loaded_app:main()", PYTHONPATH=SUPPORT)
        workers = set()

        def both_serve():
            workers.add(re.search(rb"X-Worker: (\d+)", server.talk(HELLO))[1])
            return len(workers) == 2

        # One that is told to stop before it serves ends at once, with what waits to be accepted.
        server.until(both_serve)
        return server

    return loaded


def under_load(server, meanwhile, **connections):
    """Return the account of a load under which ``meanwhile`` was called with the load."""

    async def run():
        load = CountingLoad(server.port, **connections)
        return await load.run(lambda: meanwhile(load))

    return asyncio.run(run())


def answered(load, more):
    """Return a condition: so many more requests were answered by now."""
    goal = load.account.answered.total() + more
    return lambda: load.account.answered.total() >= goal


def test_hup_loses_no_request(loaded):
    server = loaded()

    def reload_twice(load):
        for count in (1, 2):
            server.until(answered(load, 200))
            server.signal(signal.SIGHUP)
            server.said("Worker exiting", times=2 * count)
        server.until(answered(load, 200))

    account = under_load(server, reload_twice)
    assert account.failures == []
    assert len(account.workers) > 2
    assert account.posts > 100
    assert set(account.answered) == {"busy", "slow", "idle", "new"}
    assert "Traceback" not in server.output


def test_max_requests_retires_workers_without_losing_a_request(loaded):
    server = loaded("--max-requests", "150", "--max-requests-jitter", "50")

    def wait(load):
        server.said("Autorestarting worker", times=3)
        server.said("Worker exiting", times=3)
        server.until(answered(load, 100))

    account = under_load(server, wait)
    assert account.failures == []
    assert account.answered.total() > 450
    assert "Traceback" not in server.output


def test_sigterm_answers_all_that_is_under_way_and_refuses_the_rest(loaded):
    server = loaded()

    def stop(load):
        server.until(answered(load, 200))
        server.signal(signal.SIGTERM)
        assert server.ended() < 30

    account = under_load(server, stop, new=0)
    # A client with a connection gets answers until one of them says that it is the last one. To
    # connect again is of use only as long as the other worker has not noticed.
    # Only on a new connection a request can be lost: the kernel completes a connection without the
    # server, possibly between the last look at the backlog and the end of the listening socket.
    assert [f for f in account.failures if f.what != "refused" and f.number > 0] == []
    assert {failure.what for failure in account.failures} <= {"refused", "lost"}
    assert account.closes >= 20
    assert server.popen.returncode == 0
    assert "broke off" not in server.output


def test_a_killed_worker_takes_only_its_own_connections_with_it(loaded):
    server = loaded()
    killed = []

    def kill(load):
        server.until(lambda: len(load.account.workers) == 2)
        server.until(answered(load, 200))
        killed.append(min(load.account.workers))
        os.kill(killed[0], signal.SIGKILL)
        server.said("Booting worker", times=3)
        server.until(lambda: len(load.account.workers) == 3)

    account = under_load(server, kill)
    # One that was accepted, but not answered before, knows no worker yet.
    assert {failure.worker for failure in account.failures} <= {*killed, None}
    assert {failure.what for failure in account.failures} <= {"lost"}
    assert len(account.failures) <= 22
    assert len(account.workers) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_stop_is_obeyed_though_the_application_is_being_loaded(
    gunicorn, tmp_path, number
):
    (tmp_path / "signalled.py").write_text(
        "import os, pathlib\n"
        "import plain_app\n"
        "def main():\n"
        "    seen = pathlib.Path(__file__).with_name('seen')\n"
        "    if not seen.exists():\n"
        "        seen.touch()\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "    return plain_app.app\n"
    )
    server = gunicorn("--graceful-timeout", "30", app="signalled:main()", PYTHONPATH=str(tmp_path))
    # gunicorn starts another one in its place, to which nothing happens.
    server.said("Booting worker", times=2)
    server.said("Worker exiting")
    assert server.get("/")[0] == 200


def test_logs_are_reopened_though_the_application_is_being_loaded(gunicorn, tmp_path):
    log = tmp_path / "error.log"
    (tmp_path / "signalled.py").write_text(
        "import os, signal\n"
        "from plain_app import app\n"
        f"os.rename({str(log)!r}, {str(log)!r} + '.1')\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    server = gunicorn(
        "--error-logfile",
        str(log),
        "--log-level",
        "debug",
        "--bind",
        "unix:" + str(tmp_path / "s"),
        app="signalled:app",
        PYTHONPATH=str(tmp_path),
    )
    server.until(lambda: log.with_suffix(".log.1").exists() and log.exists())
