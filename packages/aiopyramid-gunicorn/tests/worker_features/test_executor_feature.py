"""Threads for ordinary views, on the real worker."""

import pytest

WAYS = ["gunicorn", "preload", "pserve"]


@pytest.mark.parametrize("how", WAYS)
def test_the_setting_limits_the_threads_and_the_queue_is_reported(start, count, tmp_path, how):
    server = start(settings={"aiopyramid.executor.max_workers": "2"}, how=how)
    assert server.get("/pid")[0] == 200
    outcomes = [server.get_later(f"/block_until?file={tmp_path}/go_on") for _ in range(3)]
    server.said("blocks in aiopyramid_", times=2)
    server.said("All 2 executor threads are busy, 1 calls wait in the queue")
    assert count(server, "blocks in") == 2
    (tmp_path / "go_on").touch()
    assert [outcome() for outcome in outcomes] == [(200, "blocked")] * 3


@pytest.mark.parametrize("how", WAYS)
def test_an_executor_that_the_constructor_sets_is_used(start, count, tmp_path, how):
    server = start(settings={"test.threads": "1"}, how=how)
    outcomes = [server.get_later(f"/block_until?file={tmp_path}/go_on") for _ in range(2)]
    server.said("blocks in mine_0")
    (tmp_path / "go_on").touch()
    assert [outcome() for outcome in outcomes] == [(200, "blocked")] * 2
    assert server.get("/thread") == (200, "mine_0")


def test_a_busy_executor_delays_no_coroutine_view(start, tmp_path):
    server = start(settings={"aiopyramid.executor.max_workers": "1"})
    outcome = server.get_later(f"/block_until?file={tmp_path}/go_on")
    server.said("blocks in")
    assert server.get("/pid")[0] == 200
    (tmp_path / "go_on").touch()
    assert outcome() == (200, "blocked")


def test_a_generator_as_the_body_of_an_ordinary_view_never_runs_on_the_loop(start):
    server = start()
    status, names = server.get("/generated")
    assert status == 200
    assert [name.partition("_")[0] for name in names.split()] == ["aiopyramid"] * 3
    server.said("closed in aiopyramid_")
