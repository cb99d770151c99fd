"""_exchange: PEP 3333 between an application and a client, over a real connection."""

import asyncio
import threading
from wsgiref.validate import validator

import pytest

from aiopyramid_core import await_, call_off_loop


def answering(*body, status="200 OK", headers=()):
    """Return an application with this list as its body."""

    def application(environ, start_response):
        start_response(status, list(headers))
        return list(body)

    return application


# --- Whole bodies ---------------------------------------------------------------------------------


async def test_a_list_is_sent_with_its_length(serve):
    async with serve(answering(b"ab", b"", b"c", headers=[("X", "y")])) as site:
        answer = await site.get()
    assert (answer.status, answer.headers["x"], answer.body) == (200, "y", b"abc")
    assert answer.headers["content-length"] == "3"


async def test_an_empty_list_is_an_empty_body(serve):
    async with serve(answering()) as site:
        assert (await site.get()).headers["content-length"] == "0"


async def test_a_response_to_head_has_no_body(serve):
    async with serve(answering(b"abc", headers=[("Content-Length", "3")])) as site:
        client = await site.connect()
        client.get(method="HEAD")
        client.get("/after")
        assert (await client.answer(to="HEAD")).headers["content-length"] == "3"
        assert (await client.answer()).body == b"abc"


async def test_a_list_of_something_else_than_bytes_is_an_error(serve):
    async with serve(answering("abc")) as site:
        assert (await site.get()).status == 500


async def test_what_exceeds_the_content_length_never_reaches_the_client(serve):
    async with serve(answering(b"abcdef", headers=[("Content-Length", "3")])) as site:
        client = await site.connect()
        for _ in range(2):
            client.get()
            assert (await client.answer()).body == b"abc"


async def test_a_body_shorter_than_its_content_length_breaks_the_connection_off(serve):
    async with serve(answering(b"ab", headers=[("Content-Length", "3")])) as site:
        client = await site.connect()
        client.get()
        assert await client.gives_up()
        assert site.log.count("Traceback") == 1
        assert "after 2 of 3 bytes" in site.log


# --- start_response and write ---------------------------------------------------------------------


async def test_without_start_response_the_answer_is_500_and_one_traceback(serve):
    async with serve(lambda environ, start_response: [b"abc"]) as site:
        assert (await site.get()).status == 500
        assert site.log.count("Traceback") == 1
        assert "without calling start_response()" in site.log


async def test_write_sends_before_the_body(serve):
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    async with serve(application) as site:
        assert (await site.get()).body == b"one two three"


async def test_write_works_in_an_executor_thread(serve):
    def application(environ, start_response):
        return call_off_loop(view, start_response)

    def view(start_response):
        assert threading.current_thread() is not threading.main_thread()
        write = start_response("200 OK", [])
        for _ in range(200):
            write(b"x" * 65536)
        return []

    async with serve(application) as site:
        assert len((await site.get()).body) == 200 * 65536


async def test_with_exc_info_an_error_page_replaces_the_response(serve, exc_info):
    def application(environ, start_response):
        start_response("200 OK", [("X", "old")])
        start_response("500 Oops", [], exc_info(LookupError()))
        return [b"error page"]

    async with serve(application) as site:
        answer = await site.get()
    assert (answer.status, answer.body) == (500, b"error page")
    assert "x" not in answer.headers


async def test_with_exc_info_after_the_head_the_connection_is_broken_off(serve, exc_info):
    def application(environ, start_response):
        start_response("200 OK", [])(b"half")
        start_response("500 Oops", [], exc_info(LookupError("what happened")))
        return [b"error page"]

    async with serve(application) as site:
        client = await site.connect()
        client.get()
        assert await client.gives_up()
        assert site.log.count("Traceback") == 1
        assert "LookupError: what happened" in site.log


# --- Failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
async def test_an_application_that_raises_gets_500_and_one_traceback(serve, error):
    def application(environ, start_response):
        raise error("on purpose")

    async with serve(application) as site:
        answer = await site.get("/path?query")
        assert (answer.status, answer.headers["connection"]) == (500, "close")
        assert "on purpose" not in answer.text
        assert site.log.count("Traceback") == 1
        assert "Error handling request GET /path?query" in site.log
        assert (await site.get()).status == 500


async def test_an_application_that_raises_after_it_waited_gets_500(serve):
    def application(environ, start_response):
        await_(asyncio.sleep(0))
        raise LookupError("on purpose")

    async with serve(application) as site:
        assert (await site.get()).status == 500
        assert site.log.count("Traceback") == 1


async def test_a_cancelled_request_gets_503_and_no_traceback(serve):
    def application(environ, start_response):
        started.set()
        await_(asyncio.Event().wait())

    started = asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/slow")
        await started.wait()
        (connection,) = site.server.connections
        connection.give_up()
        assert (await client.answer()).status == 503
        assert "GET /slow was cancelled" in site.log
        assert "Traceback" not in site.log


# --- The whole specification ----------------------------------------------------------------------


@pytest.mark.parametrize("request_head", ["GET /a?b HTTP/1.1", "POST / HTTP/1.1"])
async def test_the_standard_librarys_validator_is_content(serve, request_head):
    @validator
    def application(environ, start_response):
        body = environ["wsgi.input"].read(100)
        environ["wsgi.errors"].write("")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"got ", body]

    async with serve(application) as site:
        client = await site.connect()
        client.send(f"{request_head}\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".encode())
        assert (await client.answer()).body == b"got abc"
        await site.until(lambda: site.server.handled)
        assert "Traceback" not in site.log


async def test_every_request_has_one_line_in_the_access_log(serve):
    async with serve(answering(b"abc")) as site:
        await site.get("/one")
        await site.get("/two")
        await site.until(lambda: "/two" in site.log)
        assert site.log.count('"GET /one HTTP/1.1" 200 3') == 1
