"""request_body: a request body, in memory and then on disk."""

import io

import pytest

from aiopyramid_core.contract import BODY_IN_MEMORY
from aiopyramid_core.exceptions import ContentTooLarge, InsufficientStorage
from aiopyramid_core.servers import BodyLimits, RequestBody


def test_what_was_written_is_read_from_the_beginning():
    body = RequestBody(BodyLimits())
    body.write(b"one ")
    body.write(b"two")
    assert body.open().read() == b"one two"
    body.close()


def test_a_request_without_body_has_an_empty_file():
    body = RequestBody(BodyLimits())
    assert body.open().read() == b""
    body.close()


def test_a_long_body_is_in_the_folder_of_the_limits(tmp_path):
    missing = tmp_path / "missing"
    body = RequestBody(BodyLimits(body_memory_bytes=3, body_folder=str(missing)))
    body.write(b"abc")
    with pytest.raises(InsufficientStorage, match="No such file or directory"):
        body.write(b"d")
    body.close()


def test_the_length_is_counted():
    body = RequestBody(BodyLimits())
    body.write(b"abc")
    body.write(b"de")
    assert body.length_bytes == 5
    body.close()


def test_it_offers_all_methods_of_wsgi_input():
    body = RequestBody(BodyLimits())
    body.write(b"a\nb\nc\n")
    file = body.open()
    assert (file.read(2), file.readline(), file.readlines(), list(file)) == (
        b"a\n",
        b"b\n",
        [b"c\n"],
        [],
    )
    body.close()


def test_a_short_body_stays_in_memory():
    body = RequestBody(BodyLimits(body_memory_bytes=10))
    body.write(b"a" * 10)
    assert isinstance(body.open(), io.BytesIO)
    body.close()


def test_a_longer_body_goes_to_a_real_file():
    body = RequestBody(BodyLimits(body_memory_bytes=10))
    body.write(b"a" * 10)
    body.write(b"b")
    file = body.open()
    assert file.fileno() >= 0
    assert file.read() == b"a" * 10 + b"b"
    body.close()


def test_closing_releases_the_file():
    body = RequestBody(BodyLimits(body_memory_bytes=0))
    body.write(b"a")
    file = body.open()
    body.close()
    assert file.closed


def test_a_body_in_memory_can_be_read_after_the_request():
    body = RequestBody(BodyLimits())
    body.write(b"a")
    file = body.open()
    body.close()
    assert file.read() == b"a"


@pytest.mark.parametrize(
    ("data", "memory_bytes", "marked"), [(b"a", 1, True), (b"a", 0, False), (b"", 1, False)]
)
def test_a_body_in_memory_is_marked_as_such(data, memory_bytes, marked):
    body = RequestBody(BodyLimits(body_memory_bytes=memory_bytes))
    body.write(data)
    environ = {}
    body.offer(environ)
    assert environ["wsgi.input"].read() == data
    assert (environ.get(BODY_IN_MEMORY) is environ["wsgi.input"]) is marked
    body.close()


def test_closing_a_body_that_never_came_is_harmless():
    RequestBody(BodyLimits()).close()


def test_a_body_as_long_as_allowed_passes():
    body = RequestBody(BodyLimits(body_bytes=3))
    body.write(b"abc")
    assert body.length_bytes == 3
    body.close()


def test_a_body_that_grows_too_long_is_refused():
    body = RequestBody(BodyLimits(body_bytes=3))
    body.write(b"abc")
    with pytest.raises(ContentTooLarge, match="exceeds 3 bytes"):
        body.write(b"d")
    body.close()


def test_an_announced_length_is_refused_before_anything_arrives():
    with pytest.raises(ContentTooLarge, match="body_limit_bytes"):
        RequestBody(BodyLimits(body_bytes=3)).announce(4)


def test_the_refusal_names_the_setting():
    body = RequestBody(BodyLimits(body_bytes=3, body_setting="my.setting"))
    with pytest.raises(ContentTooLarge, match=r"exceeds 3 bytes \(my\.setting\)"):
        body.write(b"abcd")
    body.close()


def test_the_announced_bytes_are_missing_until_they_arrive():
    body = RequestBody(BodyLimits())
    missing = [body.missing_bytes]
    body.announce(3)
    missing.append(body.missing_bytes)
    body.write(b"ab")
    missing.append(body.missing_bytes)
    body.write(b"cd")
    missing.append(body.missing_bytes)
    body.close()
    assert missing == [0, 3, 1, 0]


def test_a_body_that_cannot_be_read_again_is_refused(monkeypatch):
    class FullDisk(io.BytesIO):
        def seek(self, position):  # which writes what is still in the file's buffer
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: FullDisk())
    body = RequestBody(BodyLimits(body_memory_bytes=0))
    body.write(b"a")
    with pytest.raises(InsufficientStorage, match="cannot be kept: No space left on device"):
        body.open()
