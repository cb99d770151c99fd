"""Time limits and clients that go away, on the real worker."""

import pytest

VIEWS = ["wait", "wait_in_thread"]
PATIENT = {"aiopyramid.request_timeout": "30"}
CANCELLING = {"aiopyramid.cancel_on_disconnect": "true"}


# --- aiopyramid.request_timeout -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gunicorn", "gthread"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_request_out_of_time_gets_503_and_cleans_up(start, tmp_path, view, how):
    server = start(settings={"aiopyramid.request_timeout": "0.2"}, how=how)
    status, body = server.get(f"/{view}?file={tmp_path}/never")
    assert status == 503
    assert "The limit is 0.2 seconds." in body
    server.said("^cancelled")
    server.said("^cleaned up")
    server.said("^left the tween")


def test_the_application_may_answer_by_an_exception_view(start, tmp_path):
    settings = {"aiopyramid.request_timeout": "0.2", "test.out_of_time": "1"}
    assert start(settings=settings).get(f"/wait?file={tmp_path}/never") == (503, "come back later")


def test_a_thread_that_blocks_goes_on_and_its_client_is_answered_in_time(start, count, tmp_path):
    server = start(settings={"aiopyramid.request_timeout": "0.2"})
    assert server.get(f"/block_until?file={tmp_path}/go_on")[0] == 503
    assert count(server, "^blocked") == 0
    (tmp_path / "go_on").touch()
    server.said("^blocked")


def test_a_stream_may_take_longer(start, raw, tmp_path):
    server = start(settings={"aiopyramid.request_timeout": "0.2"})
    client = raw(server, f"/stream?file={tmp_path}/go_on")
    client.read_until(b"one\n")
    assert server.get(f"/wait?file={tmp_path}/never")[0] == 503  # the limit has passed
    (tmp_path / "go_on").touch()
    client.read_until(b"two\n")


def test_no_task_is_left_of_requests_out_of_time(start, tmp_path):
    server = start(settings={"aiopyramid.request_timeout": "0.2"})
    before = server.get("/tasks")
    for view in VIEWS * 3:
        assert server.get(f"/{view}?file={tmp_path}/never")[0] == 503
    server.said("^cleaned up", times=6)
    server.until(lambda: server.get("/tasks") == before)


# --- aiopyramid.cancel_on_disconnect --------------------------------------------------------------


@pytest.mark.parametrize("how", ["FIN", "RST"])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("more", [{}, PATIENT], ids=["alone", "with a time limit"])
def test_a_view_is_cancelled_when_its_client_goes(start, raw, count, tmp_path, view, how, more):
    server = start(settings=CANCELLING | more)
    client = raw(server, f"/{view}?file={tmp_path}/never")
    server.said("^began")
    client.vanish(how)
    server.said("^cancelled")
    server.said("^cleaned up")
    server.said("^left the tween")
    assert server.get("/pid")[0] == 200
    assert "Traceback" not in server.output
    assert count(server, "^cancelled") == 1


@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_without_the_setting_a_view_is_completed_for_nobody(start, raw, tmp_path, how):
    server = start()
    client = raw(server, f"/wait?file={tmp_path}/go_on")
    server.said("^began")
    client.vanish(how)
    server.get("/pid")
    (tmp_path / "go_on").touch()
    server.said("^completed")
    server.said("^left the tween")
    assert "cancelled" not in server.lines


def test_a_client_that_stays_is_answered(start, tmp_path):
    server = start(settings=CANCELLING)
    (tmp_path / "go_on").touch()
    assert server.get(f"/wait?file={tmp_path}/go_on") == (200, "waited")


def test_no_task_is_left_of_requests_whose_clients_went(start, raw, tmp_path):
    server = start(settings=CANCELLING)
    before = server.get("/tasks")
    for number, view in enumerate(VIEWS * 3, 1):
        client = raw(server, f"/{view}?file={tmp_path}/never")
        server.said("^began", times=number)
        client.vanish("RST")
    server.said("^cleaned up", times=6)
    server.until(lambda: server.get("/tasks") == before)
