"""_protocol: clients that vanish or take too long."""

import asyncio
import threading

import pytest

from aiopyramid_core import await_, call_off_loop
from aiopyramid_core.contract import ON_DISCONNECT
from aiopyramid_gunicorn._http1.limits import Limits, Times
from aiopyramid_gunicorn._state import State


def echo(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


POST = b"POST / HTTP/1.1\r\nHost: test\r\n"


# --- Clients that vanish --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        POST + b"Content-Length: 5\r\n\r\nab",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_may_vanish_before_its_request_is_complete(serve, sent, politely):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(sent)
        state = State.RECEIVING if sent else State.IDLE
        await site.until(lambda: [c for c in site.server.connections if c.state is state])
        client.writer.write_eof() if politely else client.vanish()
        await site.until(lambda: not site.server.connections)
        assert site.server.handled == 0
        assert "Traceback" not in site.log


async def test_the_body_of_a_client_that_vanished_is_released(serve):
    async with serve(echo, limits=Limits(body_memory_bytes=0)) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 5\r\n\r\nab")
        await site.until(lambda: [c for c in site.server.connections if c.inbound.growing])
        (connection,) = site.server.connections
        body = connection.inbound.growing.body
        client.vanish()
        await site.until(lambda: not site.server.connections)
        assert body.open is not None
        with pytest.raises(ValueError, match="closed"):
            body.write(b"more")


@pytest.mark.parametrize("in_thread", [True, False])
async def test_a_client_may_vanish_while_the_application_works(serve, in_thread):
    def application(environ, start_response):
        started.append(1)
        if in_thread:
            call_off_loop(go_on.wait, 5)
        else:
            await_(wake.wait())
        start_response("200 OK", [])
        return [b"x" * 100_000]

    started, go_on, wake = [], threading.Event(), asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await site.until(lambda: started)
        client.vanish()
        await asyncio.sleep(0.01)
        go_on.set()
        wake.set()
        await site.until(lambda: not site.server.connections)
        await site.until(lambda: site.server.handled)
        assert "Traceback" not in site.log


async def test_pipelined_requests_of_a_client_that_vanished_are_forgotten(serve):
    def application(environ, start_response):
        started.append(environ["PATH_INFO"])
        await_(wake.wait())
        start_response("200 OK", [])
        return [b"x" * 10_000_000]

    started, wake = [], asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/one")
        client.get("/two")
        await site.until(lambda: started)
        client.vanish()
        wake.set()
        await site.until(lambda: not site.server.connections)
        await site.until(lambda: site.server.handled)
        assert "Traceback" not in site.log
    assert started == ["/one"]


async def test_a_client_that_vanishes_after_garbage_does_no_harm(serve):
    async with serve(echo) as site:
        for _ in range(20):
            client = await site.connect()
            client.send(b"garbage\r\n\r\n")
            await client.writer.drain()
            client.vanish()
        await site.until(lambda: not site.server.connections)
        assert (await site.get()).status == 200


@pytest.mark.parametrize("politely", [True, False])
async def test_the_application_is_told_that_its_client_has_gone(serve, politely):
    def application(environ, start_response):
        environ[ON_DISCONNECT](gone.set)
        started.set()
        await_(gone.wait())
        environ[ON_DISCONNECT](told_late.set)
        await_(told_late.wait())
        return echo(environ, start_response)

    started, gone, told_late = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await started.wait()
        client.writer.write_eof() if politely else client.vanish()
        await site.until(lambda: not site.server.connections)
        assert told_late.is_set()


@pytest.mark.parametrize("outcome", ["answers", "fails", "has begun"])
@pytest.mark.parametrize("politely", [True, False])
async def test_the_access_log_says_499_of_a_client_that_left_before_its_answer_began(
    serve, politely, outcome
):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "4")])
        if outcome == "has begun":
            write(b"he")
        environ[ON_DISCONNECT](gone.set)
        started.set()
        await_(gone.wait())
        if outcome == "fails":
            raise ValueError
        return [b"he"] if outcome == "has begun" else [b"hehe"]

    started, gone = asyncio.Event(), asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await started.wait()
        client.writer.write_eof() if politely else client.vanish()
        await site.until(lambda: not site.server.connections and site.server.handled)
        status = 200 if outcome == "has begun" else 499
        assert f'"GET / HTTP/1.1" {status} ' in site.log


async def test_the_application_is_not_told_once_its_response_is_complete(serve):
    def application(environ, start_response):
        environ[ON_DISCONNECT](lambda: told.append(1))
        return echo(environ, start_response)

    told = []
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        client.vanish()
        await site.until(lambda: not site.server.connections)
    assert told == []


# --- Clients that take too long -------------------------------------------------------------------


async def test_a_connection_on_which_nothing_comes_is_closed_in_silence(serve):
    async with serve(echo) as site:
        client = await site.connect()
        await site.until(lambda: site.server.connections)
        site.pass_time(29)
        assert site.server.connections
        site.pass_time(2)
        assert await client.closed()


@pytest.mark.parametrize(("rate", "cut"), [(500, True), (0.01, False), (0, False)])
async def test_a_body_that_trickles_is_answered_with_408_after_the_grace_period(serve, rate, cut):
    times = Times(30, 20, 10, body_grace_seconds=60, body_bytes_per_second=rate)
    async with serve(echo, times=times) as site:
        client = await site.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        await site.until(lambda: growing(site) is not None)
        for length in range(1, 7):  # never slow enough for the limit between two parts
            client.send(b"a")
            await site.until(lambda n=length: growing(site).body.length_bytes == n)
            site.pass_time(9.5)
        site.pass_time(9)
        if not cut:
            client.send(b"a" * 94)
        assert (await client.answer()).status == (408 if cut else 200)


async def test_a_body_that_has_come_fast_may_pause_for_it_later(serve):
    times = Times(30, 20, 10, body_grace_seconds=10, body_bytes_per_second=10)
    async with serve(echo, times=times) as site:
        client = await site.connect()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" + b"a" * 100)
        await site.until(lambda: growing(site) and growing(site).body.length_bytes == 100)
        site.pass_time(15)
        client.send(b"a")
        assert (await client.answer()).status == 200


def growing(site):
    """Return the request whose body is on its way on the only connection, or None."""
    connections = tuple(site.server.connections)
    return connections[0].inbound.growing if connections else None


async def test_a_head_that_takes_too_long_is_answered_with_408(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"GET / HT")
        await site.until(lambda: [c for c in site.server.connections if c.state is State.RECEIVING])
        site.pass_time(31)
        assert (await client.answer()).status == 408
        assert await client.closed()


async def test_a_trickle_does_not_prolong_the_time_for_a_head(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        await site.until(lambda: [c for c in site.server.connections if c.state is State.RECEIVING])
        site.pass_time(20)
        client.send(b"Host: a\r\n")
        await client.writer.drain()
        await asyncio.sleep(0.02)
        site.pass_time(11)
        assert (await client.answer()).status == 408


async def test_a_body_that_stops_coming_is_answered_with_408(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 3\r\n\r\na")
        await site.until(lambda: [c for c in site.server.connections if c.inbound.growing])
        site.pass_time(21)
        assert (await client.answer()).status == 408
        assert await client.closed()


async def test_a_body_may_take_long_as_long_as_it_comes(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 4\r\n\r\n")
        await site.until(lambda: [c for c in site.server.connections if c.inbound.growing])
        (connection,) = site.server.connections
        for count in range(1, 4):
            client.send(b"a")
            await site.until(lambda n=count: connection.inbound.growing.body.length_bytes == n)
            site.pass_time(15)
        client.send(b"a")
        assert (await client.answer()).body == b"aaaa"


async def test_an_idle_connection_is_closed_in_silence_after_the_keep_alive_time(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        site.pass_time(9)
        assert site.server.connections
        site.pass_time(2)
        assert await client.closed()


async def test_an_empty_line_after_a_request_does_not_begin_another_one(serve):
    # RFC 9112, 2.2: some clients send one after the body of a POST.
    async with serve(echo) as site:
        client = await site.connect()
        client.send(POST + b"Content-Length: 1\r\n\r\na")
        await client.answer()
        client.send(b"\r\n")
        await asyncio.sleep(0.05)
        site.pass_time(11)
        assert await client.closed()


async def test_a_request_that_came_before_the_look_at_the_clock_is_answered(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.get()
        await client.answer()
        # As after something that has blocked the loop: both are there, and neither is noticed yet.
        client.get()
        site.pass_time(11)
        assert (await client.answer()).status == 200


async def test_a_keep_alive_time_of_0_closes_after_each_request(serve):
    async with serve(echo, times=Times(30, 30, 0)) as site:
        client = await site.connect()
        client.get()
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.closed()


async def test_the_application_may_take_as_long_as_it_likes(serve):
    def application(environ, start_response):
        started.set()
        await_(wake.wait())
        return echo(environ, start_response)

    started, wake = asyncio.Event(), asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get()
        await started.wait()
        site.pass_time(3600)
        wake.set()
        assert (await client.answer()).status == 200


async def test_a_refused_client_that_never_stops_sending_is_cut_off(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(b"garbage\r\n\r\n")
        assert (await client.answer()).status == 400
        assert site.server.connections
        site.pass_time(3)
        await site.until(lambda: not site.server.connections)


@pytest.mark.parametrize("fields", [("Connection: close",), ()])
async def test_a_slow_reader_gets_the_whole_answer(serve, fields):
    # Data that is in the write buffer when the application has finished may take a client on a bad
    # line longer to read than an idle connection is kept, or a closing one lingers.
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"x" * 60_000]

    async with serve(application, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get("/", *fields)
        await site.until(lambda: site.server.handled)
        (connection,) = site.server.connections
        assert connection._transport.get_write_buffer_size() > 0
        await client.reader.readuntil(b"\r\n\r\n")
        read = 0
        while left := connection._transport.get_write_buffer_size():
            read += len(await client.reader.readexactly(5_000))
            await site.until(lambda n=left: connection._transport.get_write_buffer_size() < n)
            site.pass_time(11)
        read += len(await client.reader.readexactly(60_000 - read))
        assert read == 60_000


@pytest.mark.parametrize("buffer_bytes", [64 << 10, 400_000])
async def test_a_client_that_reads_nothing_costs_one_write_buffer_and_one_part(serve, buffer_bytes):
    def parts():
        while True:
            made.append(1)
            yield b"x" * 65536

    def application(environ, start_response):
        start_response("200 OK", [])
        return parts()

    made = []
    limits = Limits(write_buffer_bytes=buffer_bytes)
    async with serve(application, limits=limits, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        await asyncio.sleep(0.05)  # the time in which a wrong server would go on
        (connection,) = site.server.connections
        framing = len("10000\r\n\r\n") * len(made) + 500  # of the chunks, and the head
        unsent_bytes = connection._transport.get_write_buffer_size()
        assert buffer_bytes / 2 < unsent_bytes <= buffer_bytes + 65536 + framing
        # The rest is in the buffers of the system, which were made small.
        assert len(made) * 65536 < unsent_bytes + 500_000
        client.vanish()
        await site.until(lambda: not site.server.connections)


async def test_a_trickle_of_requests_that_nobody_reads_the_answers_to_is_not_read(serve):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"x" * 65536]

    async with serve(application, send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        for _ in range(100):
            client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        await asyncio.sleep(0.05)
        (connection,) = site.server.connections
        handled = site.server.handled
        for _ in range(100):
            client.get()
        await asyncio.sleep(0.05)
        assert site.server.handled == handled < 10
        assert not connection._transport.is_reading()
        client.vanish()
        await site.until(lambda: not site.server.connections)
