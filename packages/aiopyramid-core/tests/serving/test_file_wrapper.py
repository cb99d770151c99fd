"""file_wrapper: files in blocks, and those that the system can send itself."""

import gzip
import io
import os
import tempfile

import pytest

from aiopyramid_core.servers import FileWrapper

SIZE = 300_000
CONTENT = bytes(range(250)) * (SIZE // 250)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


# --- In blocks ------------------------------------------------------------------------------------


def test_a_file_is_read_in_blocks():
    assert list(FileWrapper(io.BytesIO(b"abcde"), 2)) == [b"ab", b"cd", b"e"]


def test_it_closes_the_file():
    file = io.BytesIO()
    FileWrapper(file).close()
    assert file.closed


def test_a_file_that_cannot_be_closed_is_not():
    class Readable:
        read = io.BytesIO(b"abc").read

    assert not hasattr(FileWrapper(Readable()), "close")


# --- Sent by the server ---------------------------------------------------------------------------


def test_a_file_has_the_path_with_which_it_was_opened(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with open("file", "rb") as file:
        span = FileWrapper(file).span()
        assert span.path() == str(path)
        path.rename(path.with_name("elsewhere"))
        assert span.path() is None
        path.write_bytes(b"another one")
        assert span.path() is None


def test_a_temporary_file_without_a_name_has_no_path():
    with tempfile.TemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        assert FileWrapper(file).span().path() is None


# --- Sent by the system ---------------------------------------------------------------------------


class Counting(io.FileIO):
    """Might as well decrypt what it reads."""


OPENED = {
    "a file": lambda path: path.open("rb"),
    "one that is written, too": lambda path: path.open("r+b"),
    "one without a buffer": lambda path: path.open("rb", buffering=0),
}


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_the_system_can_send(path, opened):
    with opened(path) as file:
        assert FileWrapper(file).span().size_bytes == SIZE


def test_the_system_can_send_a_temporary_file_with_a_name():
    with tempfile.NamedTemporaryFile() as file:
        file.write(CONTENT)
        file.seek(0)
        assert FileWrapper(file).span().size_bytes == SIZE


def test_a_file_is_sent_from_its_position_on(path):
    with path.open("rb") as file:
        file.read(1000)
        assert FileWrapper(file).span().size_bytes == SIZE - 1000


def test_what_fits_into_one_block_is_read(path):
    with path.open("rb") as file:
        file.seek(SIZE - 1000)
        assert FileWrapper(file).span() is None


@pytest.mark.parametrize("open_", [gzip.open, Counting], ids=["gzip", "a subclass"])
def test_what_makes_its_bytes_itself_is_read(path, open_):
    with open_(path, "rb") as file:
        assert FileWrapper(file).span() is None


def test_what_is_in_memory_is_read():
    assert FileWrapper(io.BytesIO(CONTENT)).span() is None


def test_a_pipe_is_read():
    source, target = os.pipe()
    with open(source, "rb", buffering=0) as file, open(target, "wb"):
        assert FileWrapper(file).span() is None


def test_a_closed_file_is_left_to_reading_which_says_so(path):
    file = path.open("rb")
    file.close()
    assert FileWrapper(file).span() is None
