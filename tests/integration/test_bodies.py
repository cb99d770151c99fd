"""Bodies that come in parts, of responses and of requests."""

import contextlib
import hashlib
import os

import pytest

BOTH = pytest.mark.parametrize("view", ["ordinary", "coroutine"])


@BOTH
@pytest.mark.parametrize("kind", ["async", "generator"])
def test_the_parts_of_a_body_arrive_one_by_one(site, tmp_path, kind, view):
    file = tmp_path / "go"
    with site.parts(f"/body/{kind}/{view}?file={file}") as parts:
        assert next(parts) == b"first "
        file.touch()
        assert b"".join(parts) == b"second"


@BOTH
@pytest.mark.parametrize("kind", ["async", "generator"])
def test_the_end_of_a_body_closes_its_generator(site, tmp_path, kind, view):
    file = tmp_path / "go"
    file.touch()
    assert site.get(f"/body/{kind}/{view}?file={file}").text == "first second"
    path = f"/journal?name={file}"
    assert site.eventually(path, [f"closed {file}"]) == [f"closed {file}"]


@BOTH
def test_a_synchronous_generator_may_call_coroutines(site, view):
    assert site.get(f"/body/awaiting/{view}").text == "0 1 2 "


def test_an_asynchronous_body_sees_the_context_variables_of_its_view(site):
    assert site.get("/coloured?name=blue").text == "blue and blue"


def test_server_sent_events_arrive_one_by_one(site, tmp_path):
    file = tmp_path / "go"
    with site.parts(f"/events?file={file}") as parts:
        assert next(parts) == b"data: first\n\n"
        file.touch()
        assert b"".join(parts) == b"event: end\nid: 2\ndata: second\n\n"


def test_an_event_stream_is_announced_as_one(site, tmp_path):
    file = tmp_path / "go"
    file.touch()
    answer = site.get(f"/events?file={file}")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"


def test_a_silent_event_stream_has_a_heartbeat(site, tmp_path):
    file = tmp_path / "go"
    with site.parts(f"/silent?file={file}") as parts:
        assert next(parts).startswith(b":\n\n")
        file.touch()
        assert b"".join(parts).endswith(b"data: at last\n\n")


def test_a_client_that_goes_away_ends_an_event_stream(site, tmp_path):
    file = tmp_path / "go"
    with contextlib.suppress(ConnectionError), site.parts(f"/forever?name={file}") as parts:
        assert next(parts)
    path = f"/journal?name={file}"
    assert site.eventually(path, [f"closed {file}"]) == [f"closed {file}"]


@pytest.mark.parametrize("path", ["/uploaded", "/streamed"])
@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_coroutine_view_reads_an_upload_part_by_part(site, path, size):
    body = os.urandom(size)
    answer = site.post(path, body).json
    assert answer["sum"] == size
    assert answer["sha256"] == hashlib.sha256(body).hexdigest()
    assert answer["most"] <= 100_000
