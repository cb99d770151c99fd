"""worker: no request is lost when workers are replaced, stopped or killed under load.

The long version, with figures and beside gunicorn's own worker, is ``benchmarks/reload.py``.
"""

import asyncio
import os
import signal
from pathlib import Path

import counting_load
import pytest
from counting_load import CountingLoad

SUPPORT = str(Path(counting_load.__file__).parent)


@pytest.fixture
def loaded(gunicorn):
    """Start gunicorn with two workers and the application for a load."""

    def loaded(*options):
        settings = ("--workers", "2", "--keep-alive", "30", "--graceful-timeout", "15")
        server = gunicorn(*settings, *options, app="loaded_app:main()", PYTHONPATH=SUPPORT)
        server.get("/hello")
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
        assert server.ended() < 12

    account = under_load(server, stop, new=0)
    # Who has a connection gets answers until one of them says that it is the last one. To connect
    # again is of use only as long as the other worker has not noticed.
    assert {failure.what for failure in account.failures} <= {"refused"}
    assert account.closes >= 20
    assert server.popen.returncode == 0
    assert "broke off" not in server.output


def test_a_killed_worker_takes_only_its_own_connections_with_it(loaded):
    server = loaded()
    killed = []

    def kill(load):
        server.until(lambda: len(load.account.workers) == 2 and answered(load, 200))
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
