"""_protocol: request bodies and refused requests."""

import weakref
from io import BytesIO

import pytest

from aiopyramid_gunicorn._http1.limits import Limits


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


POST = b"POST / HTTP/1.1\r\nHost: test\r\n"


# --- Bodies ---------------------------------------------------------------------------------------


async def test_a_body_by_length_is_complete_before_the_application_starts(serve):
    started = []

    def application(environ, start_response):
        started.append(environ["CONTENT_LENGTH"])
        return echo(environ, start_response)

    async with serve(application) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 6\r\n\r\nabc")
        await site.until(lambda: [c for c in site.server.connections if c.inbound.growing])
        assert started == []
        client.send(b"def")
        assert (await client.answer()).body == b"abcdef"
    assert started == ["6"]


async def test_a_chunked_body_arrives_without_its_framing(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send(b"3;x=y\r\ndef\r\n0\r\nX-Trailer: x\r\n\r\n")
        assert (await client.answer()).body == b"abcdef"


async def test_webob_reads_a_chunked_body(serve):
    from webob.dec import wsgify

    @wsgify
    def application(request):
        return request.POST["a"]

    async with serve(application) as site:
        client = await site.connect()
        client.send(
            POST + b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
        )
        assert (await client.answer()).body == b"b"


@pytest.mark.parametrize(("length", "on_disk"), [(1000, False), (1001, True)])
async def test_a_body_beyond_the_limit_of_memory_is_in_a_temporary_file(
    serve, caplog, length, on_disk
):
    def application(environ, start_response):
        seen.append(weakref.ref(environ["wsgi.input"]))
        spilled.append(not isinstance(environ["wsgi.input"], BytesIO))
        return echo(environ, start_response)

    seen, spilled = [], []
    # A record in the access log holds the values of the environ, and pytest keeps all records.
    caplog.set_level("CRITICAL", "gunicorn.access")
    async with serve(application, limits=Limits(body_memory_bytes=1000)) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: %d\r\n\r\n" % length + b"x" * length)
        assert (await client.answer()).body == b"x" * length
        await site.until(lambda: (file := seen[0]()) is None or file.closed)
    assert spilled == [on_disk]


async def test_a_large_body_arrives_whole(serve):
    async with serve(echo) as site:
        client = await site.connect()
        body = bytes(range(256)) * 8192
        client.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert (await client.answer()).body == body


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        (POST + b"Content-Length: 11\r\n\r\n", 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nb\r\nabcdefghijk\r\n", 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    ],
)
async def test_a_refused_request_is_answered_logged_and_the_connection_closed(serve, data, status):
    async with serve(echo, limits=Limits(body_bytes=10)) as site:
        client = await site.connect()
        client.send(data)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await client.closed()
        assert "[WARNING] Invalid request from ip=127.0.0.1" in site.log
        assert f'" {status} {len(answer.body)} ' in site.log
        assert "Traceback" not in site.log


async def test_a_refused_head_request_gets_no_body(serve):
    async with serve(echo, limits=Limits(body_bytes=10)) as site:
        client = await site.connect()
        client.get("/", "Content-Length: 11", method="HEAD")
        assert (await client.answer(to="HEAD")).status == 413
        assert await client.closed()


async def test_a_client_that_still_sends_can_read_why_it_was_refused(serve):
    async with serve(echo, limits=Limits(body_bytes=10)) as site:
        client = await site.connect()
        size = 8 << 20
        client.send(POST + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 16):
            client.send(b"x" * 65536)
            await client.writer.drain()
        assert (await client.answer()).status == 413
        assert await client.closed()


async def test_what_a_refused_client_sends_is_not_taken_for_requests(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"garbage\r\n\r\n")
        assert (await client.answer()).status == 400
        client.get()
        assert await client.closed()
        assert site.server.handled == 0


# --- No room for a body ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"), [("length", b"x" * 300_000), ("chunked", b"493e0\r\n" + b"x" * 300_000)]
)
async def test_a_body_for_which_there_is_no_room_is_answered_with_507(serve, kind, body, tmp_path):
    field = b"Content-Length: 400000" if kind == "length" else b"Transfer-Encoding: chunked"
    limits = Limits(body_memory_bytes=1000, body_folder=str(tmp_path / "absent"))
    async with serve(lambda environ, start_response: [], limits=limits) as site:
        client = await site.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n" + body)
        answer = await client.answer()
        assert answer.status == 507
        assert answer.text == "the request body cannot be kept: No such file or directory\n"
        assert site.log.count("the request body cannot be kept") == 1
        assert "Traceback" not in site.log


async def test_a_disk_that_is_full_when_a_body_is_read_again_is_answered_with_507(
    serve, monkeypatch
):
    class FullDisk(BytesIO):
        def seek(self, position):  # which writes what is still in the file's buffer
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: FullDisk())
    limits = Limits(body_memory_bytes=3)
    async with serve(lambda environ, start_response: [], limits=limits) as site:
        client = await site.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd")
        assert (await client.answer()).status == 507
        assert "POST /: the request body cannot be kept: No space left on device" in site.log
        assert "Traceback" not in site.log
