"""uploads: request bodies that are read part by part."""

import io
import threading

from pyramid.request import Request

from aiopyramid_core import await_, spawn_greenlet
from aiopyramid_core.servers import BodyLimits, LiveBody
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


def arriving(*parts):
    body = LiveBody(BodyLimits(), b"", 0, lambda length_bytes, waited_seconds: float("inf"))
    for part in parts:
        body.write(part)
    body.end()
    environ = {"REQUEST_METHOD": "PUT", "wsgi.input_terminated": True}
    body.offer(environ)
    return Request(environ)


def test_a_body_that_arrives_comes_in_parts_as_they_are(run):
    request = arriving(b"abcde", b"f")
    assert run(parts_of, request, 3) == [b"abc", b"de", b"f"]


def test_the_rest_of_a_body_that_was_read_as_a_file_is_not_lost(run):
    async def read(request):
        assert request.body_file.read(2) == b"ab"
        return b"".join(await parts_of(request))

    assert run(spawn_greenlet, await_, read(arriving(b"abcde", b"f"))) == b"cdef"


def test_a_body_may_be_read_again(run):
    async def read(request):
        assert request.body == b"abcdef"
        request.body_file_raw.seek(0)
        return b"".join(await parts_of(request)), request.body

    both = run(spawn_greenlet, await_, read(arriving(b"abcde", b"f")))
    assert both == (b"abcdef", b"abcdef")
