"""_protocol: requests that begin before their body is complete."""

import asyncio
import threading

import pytest
from webob import Request

from aiopyramid_core import await_, call_in_thread
from aiopyramid_core.exceptions import BodyTooSlow, ContentTooLarge, UploadAborted
from aiopyramid_gunicorn._http1.limits import Limits, Times

POST = b"POST / HTTP/1.1\r\nHost: test\r\n"
SIX = POST + b"Content-Length: 6\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def streamed(environ):
    return True


@pytest.fixture
def serve_live(serve):
    def serve_live(application, **options):
        return serve(application, streams_body=streamed, **options)

    return serve_live


class Upload:
    """An application that reads its body and notes what it gets."""

    def __init__(self):
        self.parts = []
        self.error = None
        self.began = asyncio.Event()
        self.may_read = asyncio.Event()
        self.environ = None

    def __call__(self, environ, start_response):
        self.environ = environ
        return await_(self.read(environ["wsgi.input"].live_body, start_response))

    async def read(self, body, start_response):
        self.began.set()
        await self.may_read.wait()
        try:
            while part := await body.part(1 << 20):
                self.parts.append(part)
        except Exception as error:
            self.error = error
            raise
        start_response("200 OK", [])
        return [b"%d" % len(b"".join(self.parts))]


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


async def test_the_application_begins_before_the_body_is_complete(serve_live):
    upload = Upload()
    upload.may_read.set()
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        await site.until(lambda: upload.parts)
        assert upload.parts == [b"abc"]
        client.send(b"def")
        assert (await client.answer()).body == b"6"
        assert upload.parts == [b"abc", b"def"]


async def test_chunks_arrive_without_their_framing_and_a_length(serve_live):
    upload = Upload()
    upload.may_read.set()
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(CHUNKED + b"3\r\nabc\r\n")
        await site.until(lambda: upload.parts)
        assert "CONTENT_LENGTH" not in upload.environ
        assert "HTTP_TRANSFER_ENCODING" not in upload.environ
        client.send(b"3\r\ndef\r\n0\r\n\r\n")
        assert (await client.answer()).body == b"6"


async def test_a_body_that_is_complete_at_once_needs_nothing_of_this(serve_live):
    async with serve_live(echo) as site:
        client = await site.connect()
        client.send(SIX + b"abcdef" + SIX + b"ghijkl")
        assert (await client.answer()).body == b"abcdef"
        assert (await client.answer()).body == b"ghijkl"


async def test_the_connection_is_kept_after_a_body_that_was_read(serve_live):
    async with serve_live(echo) as site:
        client = await site.connect()
        for body in (b"abcdef", b"ghijkl"):
            client.send(SIX)
            client.send(body)
            answer = await client.answer()
            assert answer.body == body
            assert "connection" not in answer.headers


async def test_a_request_that_arrives_with_the_end_of_the_body_is_answered_next(serve_live):
    async with serve_live(echo) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        await site.until(lambda: [c for c in site.server.connections if c.inbound.live_body])
        client.send(b"def" + SIX + b"ghi")
        assert (await client.answer()).body == b"abcdef"
        client.send(b"jkl")
        assert (await client.answer()).body == b"ghijkl"


@pytest.mark.parametrize("in_thread", [False, True])
async def test_synchronous_code_waits_for_the_rest(serve_live, in_thread):
    def application(environ, start_response):
        request = Request(environ)
        start_response("200 OK", [("X-Thread", threading.current_thread().name)])
        return [request.POST["a"].encode() + request.body]

    def on_demand(environ, start_response):
        if in_thread:
            return await_(call_in_thread(None, application, environ, start_response))
        return application(environ, start_response)

    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    async with serve_live(on_demand) as site:
        for head, parts in (
            (b"Content-Length: 3\r\n\r\n", (b"a=", b"b")),
            (b"Transfer-Encoding: chunked\r\n\r\n", (b"2\r\na=\r\n", b"1\r\nb\r\n0\r\n\r\n")),
        ):
            client = await site.connect()
            client.send(POST + form + head)
            for part in parts:
                await asyncio.sleep(0.01)
                client.send(part)
            answer = await client.answer()
            assert answer.body == b"ba=b"
            assert (answer.headers["x-thread"] == "MainThread") is not in_thread


# --- Back-pressure --------------------------------------------------------------------------------


async def test_nothing_is_read_from_a_client_while_the_application_does_not_read(serve_live):
    upload = Upload()
    size = 32 << 20
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        await upload.began.wait()
        body = upload.environ["wsgi.input"].live_body
        await site.until(lambda: body.is_full)
        counts = []
        while len(counts) < 3 or counts[-1] != counts[-3]:
            await asyncio.sleep(0.02)
            counts.append(body.length_bytes)
        assert counts[-1] < 2 << 20
        upload.may_read.set()
        assert (await client.answer()).body == b"%d" % size


# --- Expect ---------------------------------------------------------------------------------------

EXPECT = POST + b"Content-Length: 6\r\nExpect: 100-continue\r\n\r\n"


async def test_the_client_is_asked_for_the_body_when_it_is_read(serve_live):
    upload = Upload()
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(EXPECT)
        await upload.began.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.read(1)
        upload.may_read.set()
        assert (await client.answer()).status == 100
        client.send(b"abcdef")
        assert (await client.answer()).body == b"6"


async def test_a_request_that_is_refused_is_not_asked_for_its_body(serve_live):
    def forbidden(environ, start_response):
        start_response("403 Forbidden", [])
        return [b"no"]

    async with serve_live(forbidden) as site:
        client = await site.connect()
        client.send(EXPECT)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (403, "close")
        assert await client.closed()


async def test_no_100_comes_after_the_head_of_the_response(serve_live):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"first"
        try:
            yield environ["wsgi.input"].read()
        finally:
            environ["wsgi.input"].close()

    async with serve_live(application) as site:
        client = await site.connect()
        client.send(EXPECT)
        assert b"first" in await client.reader.readuntil(b"first\r\n")
        client.send(b"abcdef")
        assert b"100 Continue" not in await client.rest()


# --- An early end ---------------------------------------------------------------------------------


async def test_an_early_response_closes_the_connection(serve_live):
    def early(environ, start_response):
        start_response("404 Not Found", [("Content-Length", "2")])
        return [b"no"]

    async with serve_live(early) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (404, "close")
        # The rest of the body must not be taken for a request.
        client.send(b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n")
        assert await client.closed()
    assert "smuggled" not in site.log


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long_is_413(serve_live, announced):
    upload = Upload()
    upload.may_read.set()
    async with serve_live(upload, limits=Limits(body_bytes=10)) as site:
        client = await site.connect()
        if announced:
            client.send(POST + b"Content-Length: 11\r\n\r\n")
        else:
            client.send(CHUNKED + b"6\r\nabcdef\r\n")
            await site.until(lambda: upload.parts)
            client.send(b"6\r\nabcdef\r\n")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await client.closed()
    assert upload.began.is_set() is not announced
    assert announced or isinstance(upload.error, ContentTooLarge)


async def test_a_client_that_pauses_is_408(serve_live):
    upload = Upload()
    upload.may_read.set()
    times = Times(head_seconds=30, body_seconds=0.05, keep_alive_seconds=10)
    async with serve_live(upload, times=times) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert isinstance(upload.error, BodyTooSlow)


async def test_time_that_the_application_does_not_wait_is_not_the_clients(serve_live):
    upload = Upload()
    times = Times(head_seconds=0.05, body_seconds=0.05, keep_alive_seconds=10)
    async with serve_live(upload, times=times) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        await upload.began.wait()
        await asyncio.sleep(0.1)
        site.pass_time(1000)
        client.send(b"def")
        await asyncio.sleep(0.02)
        upload.may_read.set()
        assert (await client.answer()).body == b"6"


@pytest.mark.parametrize("way", ["vanishes", "half-closes"])
async def test_a_client_that_goes_ends_the_upload(serve_live, way):
    upload = Upload()
    upload.may_read.set()
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        await site.until(lambda: upload.parts)
        if way == "vanishes":
            client.vanish()
        else:
            client.writer.write_eof()
        await site.until(lambda: upload.error)
        assert isinstance(upload.error, UploadAborted)
        await site.until(lambda: not site.server.connections)
    assert "Traceback" not in site.log


async def test_bytes_that_are_not_a_chunk_are_400(serve_live):
    upload = Upload()
    upload.may_read.set()
    async with serve_live(upload) as site:
        client = await site.connect()
        client.send(CHUNKED + b"3\r\nabc\r\n")
        await site.until(lambda: upload.parts)
        client.send(b"xyz\r\n")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await client.closed()


async def test_a_response_may_begin_while_the_body_arrives(serve_live):
    def application(environ, start_response):
        start_response("200 OK", [])
        return parts(environ["wsgi.input"].live_body)

    async def parts(body):
        while part := await body.part(1 << 20):
            yield part.upper()

    async with serve_live(application) as site:
        client = await site.connect()
        client.send(SIX + b"abc")
        head = await client.reader.readuntil(b"ABC\r\n")
        assert b"Connection: close" in head
        client.send(b"def")
        assert b"DEF" in await client.rest()


async def test_other_requests_of_the_application_wait_for_their_body(serve):
    started = []

    def application(environ, start_response):
        started.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    def streams_body(environ):
        return environ["PATH_INFO"] == "/live"

    async with serve(application, streams_body=streams_body) as site:
        for path in (b"/live", b"/other"):
            client = await site.connect()
            client.send(SIX.replace(b"/ ", path + b" ") + b"abc")
            await site.until(lambda: len(site.server.connections) == 1)
            await asyncio.sleep(0.02)
            assert started == ["/live"]
            client.send(b"def")
            assert (await client.answer()).body == b"abcdef"
            await client.close()
            await site.until(lambda: not site.server.connections)
    assert started == ["/live", "/other"]
