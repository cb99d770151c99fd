"""Threads for synchronous requests, on the real worker."""

import sys

import pytest

WAYS = ["gunicorn", "preload", "pserve"]


@pytest.mark.parametrize("how", WAYS)
def test_the_setting_limits_the_threads_and_the_queue_is_reported(start, count, tmp_path, how):
    server = start(settings={"aiopyramid.executor.max_workers": "2"}, how=how)
    assert server.get("/pid")[0] == 200
    outcomes = [server.get_later(f"/block_until?file={tmp_path}/go_on") for _ in range(3)]
    server.said("blocks in aiopyramid-request-", times=2)
    server.said("All 2 threads for synchronous requests are busy, 1 requests wait in the queue")
    server.said("blocks in", times=2)
    assert count(server, "blocks in") == 2
    (tmp_path / "go_on").touch()
    assert [outcome() for outcome in outcomes] == [(200, "blocked")] * 3


def test_gunicorns_own_setting_limits_them_as_well(start, count, tmp_path):
    server = start("--threads", "2")
    outcomes = [server.get_later(f"/block_until?file={tmp_path}/go_on") for _ in range(3)]
    server.said("All 2 threads for synchronous requests are busy, 1 requests wait in the queue")
    server.said("blocks in", times=2)
    assert count(server, "blocks in") == 2
    (tmp_path / "go_on").touch()
    assert [outcome() for outcome in outcomes] == [(200, "blocked")] * 3


@pytest.mark.parametrize("how", WAYS)
def test_an_executor_that_the_constructor_sets_says_how_many(start, count, tmp_path, how):
    if how != "gunicorn" and sys.version_info >= (3, 14):
        pytest.skip("Python 3.14 has no event loop for it before there is a worker")
    server = start(settings={"test.threads": "1"}, how=how)
    outcomes = [server.get_later(f"/block_until?file={tmp_path}/go_on") for _ in range(2)]
    server.said("All 1 threads for synchronous requests are busy, 1 requests wait in the queue")
    server.said("blocks in")
    assert count(server, "blocks in") == 1
    (tmp_path / "go_on").touch()
    assert [outcome() for outcome in outcomes] == [(200, "blocked")] * 2


def test_a_busy_executor_delays_no_coroutine_view(start, tmp_path):
    server = start(settings={"aiopyramid.executor.max_workers": "1"})
    outcome = server.get_later(f"/block_until?file={tmp_path}/go_on")
    server.said("blocks in")
    assert server.get("/pid")[0] == 200
    (tmp_path / "go_on").touch()
    assert outcome() == (200, "blocked")


def test_a_generator_as_the_body_of_a_synchronous_view_runs_in_the_thread_of_its_request(start):
    server = start()
    status, names = server.get("/generated")
    assert status == 200
    assert names.split() == [names.split()[0]] * 3
    assert names.startswith("aiopyramid-request-")
    server.said(f"closed in {names.split()[0]}")
