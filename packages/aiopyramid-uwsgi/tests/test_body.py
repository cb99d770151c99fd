"""_body: the request's body, from what uWSGI gives to a file."""

import io

import pytest

from aiopyramid_core.exceptions import (
    BadRequest,
    CodingNotSupported,
    ContentTooLarge,
    InsufficientStorage,
)
from aiopyramid_uwsgi import _api
from aiopyramid_uwsgi._body import receive_body
from aiopyramid_uwsgi._settings import UWSGISettings
from aiopyramid_uwsgi.exceptions import BodyNotReceived

LIMITS = UWSGISettings(body_bytes=1000, body_memory_bytes=100)


def environ_with(body, **fields):
    return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))} | fields


@pytest.fixture
def chunks(monkeypatch):
    """Have uWSGI give these chunks, and then the exception if there is one."""

    def chunks(*items):
        left = [*items, b""]

        def read_chunk():
            item = left.pop(0)
            if isinstance(item, Exception):
                raise item
            return item

        monkeypatch.setattr(_api, "read_chunk", read_chunk)

    return chunks


@pytest.mark.parametrize("length", [1, 99, 100, 101, 1000])
def test_a_body_is_complete_whatever_its_length(length):
    environ = environ_with(b"x" * length)
    with receive_body(environ, LIMITS).open() as body:
        assert body.read() == b"x" * length


def test_the_body_becomes_the_input():
    environ = environ_with(b"body")
    body = receive_body(environ, LIMITS)
    assert environ["wsgi.input"].read() == b"body"
    body.close()


@pytest.mark.parametrize("length", ["", "0"])
def test_no_body_is_not_asked_for(length):
    environ = {"CONTENT_LENGTH": length, "wsgi.input": None}
    receive_body(environ, LIMITS).close()
    assert environ["wsgi.input"].read() == b""


def test_a_large_body_moves_to_a_file():
    with receive_body(environ_with(b"x" * 101), LIMITS).open() as body:
        assert body.fileno() >= 0


def test_a_body_that_is_announced_as_too_long_is_not_read():
    environ = {"wsgi.input": None, "CONTENT_LENGTH": "1001"}
    with pytest.raises(ContentTooLarge, match=r"1000 bytes \(aiopyramid\.uwsgi\.body_limit_bytes"):
        receive_body(environ, LIMITS)


@pytest.mark.parametrize("length", ["-1", "1.5", "many", "٣", "9" * 5000])
def test_a_length_that_is_not_a_number_is_refused(length):
    with pytest.raises(BadRequest, match="Content-Length"):
        receive_body({"CONTENT_LENGTH": length}, LIMITS)


def test_a_client_that_sends_less_than_announced_is_noticed():
    with pytest.raises(BodyNotReceived, match="after 4 bytes"):
        receive_body(environ_with(b"body", CONTENT_LENGTH="5"), LIMITS)


def test_chunks_are_put_together_and_their_length_is_told(chunks):
    chunks(b"a" * 60, b"b" * 60)
    environ = {"HTTP_TRANSFER_ENCODING": "Chunked", "CONTENT_LENGTH": ""}
    with receive_body(environ, LIMITS).open() as body:
        assert body.read() == b"a" * 60 + b"b" * 60
    assert environ["CONTENT_LENGTH"] == "120"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_too_many_chunks_are_refused(chunks):
    chunks(b"a" * 600, b"b" * 600)
    with pytest.raises(ContentTooLarge):
        receive_body({"HTTP_TRANSFER_ENCODING": "chunked"}, LIMITS)


def test_a_client_that_goes_away_between_chunks_is_noticed(chunks):
    chunks(b"a" * 10, OSError("unable to receive chunked part"))
    with pytest.raises(BodyNotReceived, match="after 10 bytes of the request body: unable"):
        receive_body({"HTTP_TRANSFER_ENCODING": "chunked"}, LIMITS)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), OSError(24, "Too many open files")]
)
def test_a_body_for_which_there_is_no_room_is_told_from_one_that_did_not_come(monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(InsufficientStorage, match=f"cannot be kept: {error.strerror}"):
        receive_body(environ_with(b"x" * 1000), LIMITS)


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "", "chunked, chunked"])
def test_a_coding_that_is_not_known_is_refused(coding):
    with pytest.raises(CodingNotSupported, match=f"{coding!r}, only chunked is supported"):
        receive_body({"HTTP_TRANSFER_ENCODING": coding, "CONTENT_LENGTH": ""}, LIMITS)


def test_a_body_has_one_length():
    with pytest.raises(BadRequest, match="both a Transfer-Encoding and a Content-Length"):
        receive_body({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "3"}, LIMITS)
