"""uploads: request bodies that are read part by part."""

import io
import threading

from pyramid.request import Request

from aiopyramid_core.uploads import body_parts


class File(io.BytesIO):
    def __init__(self, content):
        super().__init__(content)
        self.threads = set()

    def read(self, size=-1):
        self.threads.add(threading.get_ident())
        return super().read(size)


def uploaded(content):
    file = File(content)
    environ = {"wsgi.input": file, "CONTENT_LENGTH": str(len(content)), "REQUEST_METHOD": "PUT"}
    return Request(environ | {"webob.is_body_seekable": True}), file


async def parts_of(request, *size):
    return [part async for part in body_parts(request, *size)]


def test_a_body_comes_in_parts(run):
    request, _ = uploaded(b"abcdefgh")
    assert run(parts_of, request, 3) == [b"abc", b"def", b"gh"]


def test_each_part_is_read_by_a_thread(run):
    request, file = uploaded(b"abcdefgh")
    assert len(run(parts_of, request, 3)) == 3
    assert file.threads
    assert threading.get_ident() not in file.threads


def test_a_request_without_body_has_no_parts(run):
    assert run(parts_of, Request.blank("/")) == []
