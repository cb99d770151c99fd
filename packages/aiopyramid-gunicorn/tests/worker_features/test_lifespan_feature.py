"""Once per worker: startup, shutdown and background tasks, on real servers."""

import signal

import pytest

WAYS = ["gunicorn", "preload", "pserve"]


@pytest.mark.parametrize("how", [*WAYS, "gthread"])
def test_startup_and_shutdown_run_once_in_the_worker(start, count, how):
    server = start(how=how)
    worker = server.get("/pid")[1]
    if how == "gthread":  # where the coroutines run on another loop, but always the same
        assert server.get("/state") == (200, "True True")
    else:
        assert [server.get("/state") for _ in range(2)] == [(200, "True True")] * 2
    server.signal(signal.SIGTERM)
    server.ended()
    server.said(f"^down {worker}$")
    assert (count(server, "^up "), count(server, "^down ")) == (1, 1)
    assert server.popen.returncode == 0


def test_startup_is_over_before_the_first_request(start):
    server = start()
    server.said("^up ")  # although nobody has asked for anything yet
    assert server.get("/state") == (200, "True True")


@pytest.mark.parametrize("how", ["gunicorn", "preload"])
def test_each_worker_has_its_own(start, count, how):
    server = start("--workers", "2", how=how)
    first, second = (server.said("^up (.+)", times=times)[1] for times in (1, 2))
    assert first != second
    server.signal(signal.SIGTERM)
    server.ended()
    server.said(f"^down {first}$")
    server.said(f"^down {second}$")
    assert count(server, "^up ") == 2


@pytest.mark.parametrize("how", WAYS)
def test_a_failing_start_ends_gunicorn_and_the_log_says_why(start, count, how):
    server = start(settings={"test.broken": "1"}, how=how)
    server.ended()
    # pserve ends with 0 whatever gunicorn's exit code is.
    assert server.popen.returncode == (0 if how == "pserve" else 3)
    server.said("The startup function connect_to_database has failed: ConnectionError: no database")
    server.said(r'features_app\.py", line \d+, in connect_to_database')
    assert count(server, "Booting worker") == 1


def test_under_a_server_with_threads_a_failing_start_fails_each_request(start):
    server = start(settings={"test.broken": "1"}, how="gthread")
    assert [server.get("/pid")[0] for _ in range(2)] == [500, 500]
    server.said("The startup function connect_to_database has failed: ConnectionError: no database")


def test_a_worker_that_ends_after_max_requests_is_shut_down_and_the_next_one_started(start):
    server = start("--max-requests", "2")
    first = server.get("/pid")[1]
    server.get("/pid")
    server.said(f"^down {first}$")
    server.said("^up ", times=2)


def test_shutdown_is_after_the_last_response(start, tmp_path):
    server = start("--graceful-timeout", "10")
    outcome = server.get_later(f"/wait?file={tmp_path}/go_on")
    server.said("^began")
    server.signal(signal.SIGTERM)
    server.said("Handling signal: term")
    (tmp_path / "go_on").touch()
    assert outcome() == (200, "waited")
    server.ended()
    server.said("^down ")
    order = [line.split()[0] for line in server.lines if line.split()[:1] in (["left"], ["down"])]
    assert order == ["left", "down"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_shutdown_runs_also_when_a_request_had_to_be_broken_off(start, tmp_path, number):
    server = start("--graceful-timeout", "3")
    server.get_later(f"/wait?file={tmp_path}/never")
    server.said("^began")
    server.signal(number)
    server.ended()
    server.said("^cleaned up")
    server.said("^down ")
    assert "SIGKILL" not in server.output


# --- Background tasks -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*WAYS, "gthread"])
def test_the_end_waits_for_a_background_task(start, tmp_path, how):
    server = start(how=how)
    assert server.get(f"/spawn?file={tmp_path}/go_on") == (200, "spawned")
    server.said("^task began")
    server.signal(signal.SIGTERM)
    server.said("Handling signal: term")
    (tmp_path / "go_on").touch()
    server.ended()
    server.said("^down ")
    order = [line.rpartition(" ")[0] for line in server.lines if line.startswith(("task", "down"))]
    assert order == ["task", "task", "down"]


def test_but_no_longer_than_the_setting_says(start, tmp_path):
    server = start(settings={"aiopyramid.shutdown_timeout": "0.3"})
    server.get(f"/spawn?file={tmp_path}/never")
    server.said("^task began")
    server.signal(signal.SIGTERM)
    assert server.ended() < 8
    server.said("The background task background has not ended within 0.3 seconds")
    server.said("^task ended")
    server.said("^down ")
    assert server.popen.returncode == 0


def test_the_end_leaves_time_for_what_the_setting_allows(start, tmp_path):
    # gunicorn kills a worker that takes longer than its graceful timeout.
    server = start("--graceful-timeout", "2", settings={"aiopyramid.shutdown_timeout": "60"})
    server.get(f"/spawn?file={tmp_path}/never")
    server.said("^task began")
    server.signal(signal.SIGTERM)
    server.ended()
    server.said("^task ended")
    server.said("^down ")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_an_exit_in_a_background_task_does_not_end_the_worker(start, count, tmp_path, loop):
    if loop == "asyncio":
        (tmp_path / "uvloop.py").write_text("raise ImportError('not installed')")
    server = start(path=str(tmp_path))
    before = server.get("/pid")
    assert server.get("/spawn_exit") == (200, "spawned")
    server.said("The background task .*spawn_exit.* has failed")
    assert server.get("/pid") == before
    assert count(server, "Booting worker") == 1
