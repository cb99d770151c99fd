"""The watchdog and the request logger, on the real worker."""

import signal
import time

import pytest

WATCHED = {"aiopyramid.debug_blocking": "0.1"}


@pytest.mark.parametrize("how", ["gunicorn", "preload", "pserve"])
def test_a_view_that_blocks_the_loop_is_named_once_with_its_stack(start, count, how):
    server = start(settings=WATCHED, how=how)
    assert server.get("/blocks") == (200, "blocked")
    server.said(
        r"The event loop has been blocked for more than 0\.1 seconds .*by features_app\.blocks"
        r" \(.+features_app\.py:\d+\) \(GET /blocks, route 'blocks'\)"
    )
    server.said(r"^    time\.sleep\(1\)")
    assert count(server, "has been blocked") == 1


def test_a_task_that_blocks_is_not_blamed_on_the_server(start):
    server = start(settings=WATCHED)
    assert server.get("/blocks_in_task") == (200, "blocked")
    server.said(r"has been blocked .* by features_app\.blocks_in_task\.<locals>\.task \(")


def test_a_synchronous_view_is_not_reported(start, tmp_path):
    server = start(settings=WATCHED)
    outcome = server.get_later(f"/block_until?file={tmp_path}/go_on")
    server.said("blocks in")
    time.sleep(0.5)  # what must not happen cannot be waited for
    (tmp_path / "go_on").touch()
    assert outcome() == (200, "blocked")
    assert "features_app.block_until" not in server.output


@pytest.mark.parametrize("how", ["gunicorn", "gthread"])
def test_every_request_is_logged_before_the_worker_ends(start, how):
    server = start(settings={"test.log": "1"}, how=how)
    for _ in range(20):
        server.get("/pid")
    server.signal(signal.SIGTERM)
    server.ended()
    server.said(r"^aiopyramid_core\.requests INFO GET /pid 200 \d+\.\d ms$", times=20)
