"""_exchange: whatever an application raises is answered, and no response gets into another one.

Not all of it is an ``Exception``: time limits of gevent, panics of extensions written in Rust and
groups of such are not, and ``GreenletExit`` kills the greenlet in which a request runs.
"""

import asyncio

import pytest
from greenlet import GreenletExit

from aiopyramid_core import await_, call_off_loop


class Panic(BaseException):
    pass


def group():
    return BaseExceptionGroup("several", [Panic(), ValueError()])


RAISED = [Panic, group, GeneratorExit, asyncio.CancelledError, SystemExit]
RAISED += [KeyboardInterrupt, StopIteration, StopAsyncIteration]


def fail(make_error):
    raise make_error()


async def fail_later(make_error):
    await asyncio.sleep(0)
    raise make_error()


# --- Before the response has begun ----------------------------------------------------------------


def in_view(make_error):
    fail(make_error)


def in_coroutine(make_error):
    await_(fail_later(make_error))


def in_thread(make_error):
    call_off_loop(fail, make_error)


def in_coroutine_of_thread(make_error):
    call_off_loop(await_, fail_later(make_error))


VIEWS = [in_view, in_coroutine, in_thread, in_coroutine_of_thread]


@pytest.mark.parametrize("make_error", RAISED)
@pytest.mark.parametrize("view", VIEWS)
async def test_what_a_view_raises_is_answered_with_an_error(serve, view, make_error):
    def application(environ, start_response):
        view(make_error)

    async with serve(application) as site:
        for _ in range(2):  # the second, in the greenlet or thread of the first
            answer = await site.get()
            cancelled = make_error is asyncio.CancelledError
            assert answer.status == (503 if cancelled else 500)
            assert answer.headers["connection"] == "close"
        assert " 500 " in site.log or cancelled
        assert " 499 " not in site.log


@pytest.mark.parametrize("view", [in_view, in_coroutine])
async def test_a_greenlet_that_is_killed_ends_its_connection_and_harms_no_other(serve, view):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/killed":
            view(GreenletExit)
        start_response("200 OK", [])
        return [b"hello"]

    async with serve(application) as site:
        client = await site.connect()
        client.get("/killed")
        client.get("/next")
        assert await client.closed()
        assert (await site.get()).text == "hello"
        assert "GreenletExit" in site.log


# --- In the middle of the body --------------------------------------------------------------------


def generator(make_error):
    yield b"part"
    raise make_error()


async def async_generator(make_error):
    yield b"part"
    raise make_error()


class Writing:
    """Sends its part by way of the write() callable."""

    def __init__(self, make_error):
        self.make_error = make_error

    def __call__(self, write):
        write(b"part")
        raise self.make_error()


@pytest.mark.parametrize("make_error", [*RAISED, GreenletExit])
@pytest.mark.parametrize("body", [generator, async_generator, Writing])
@pytest.mark.parametrize("headers", [[("Content-Length", "400")], []], ids=["length", "chunked"])
async def test_after_an_unfinished_body_nothing_is_sent(serve, body, make_error, headers):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/next":
            start_response("200 OK", [("X-Next", "yes")])
            return [b"next"]
        write = start_response("200 OK", headers)
        made = body(make_error)
        return made(write) if body is Writing else made

    async with serve(application) as site:
        client = await site.connect()
        client.get("/first")
        client.get("/next")
        received = b""
        try:
            while data := await client.reader.read(1 << 16):
                received += data
        except ConnectionError:
            pass
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert rest in (b"part", b"4\r\npart\r\n")


# --- Around the application -----------------------------------------------------------------------


async def test_a_body_that_cannot_be_opened_is_answered_with_an_error(serve, monkeypatch):
    def refuse(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiopyramid_core.servers.RequestBody.open", refuse)
    async with serve(lambda environ, start_response: []) as site:
        client = await site.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx")
        assert (await client.answer()).status >= 500
        assert "No space left on device" in site.log


async def test_an_application_may_empty_its_environ(serve):
    def application(environ, start_response):
        environ.clear()
        start_response("200 OK", [])
        return [b"hello"]

    async with serve(application) as site:
        client = await site.connect()
        for _ in range(2):
            client.get()
            assert (await client.answer()).text == "hello"


async def test_a_request_whose_task_was_cancelled_before_it_began_is_not_left_waiting(serve):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"hello"]

    cancelled = []

    def cancel_all(loop, coroutine, **kwargs):
        task = asyncio.Task(coroutine, loop=loop, **kwargs)
        if coroutine.__name__ == "spawn_greenlet":
            task.cancel()
            cancelled.append(task)
        return task

    async with serve(application) as site:
        client = await site.connect()
        asyncio.get_running_loop().set_task_factory(cancel_all)
        client.get()
        await site.until(lambda: cancelled and cancelled[0].done())
        site.pass_time(31)  # the time limit for a head
        assert await client.closed()
        assert not site.server.connections
