"""_exchange: bodies in parts, their end, and files."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aiopyramid_core.streaming import AsyncBody, EventChannel, EventStreamResponse


def returning(make_body, headers=()):
    """Return an application that makes its body by a call."""

    def application(environ, start_response):
        start_response("200 OK", list(headers))
        return make_body()

    return application


class Body:
    """An iterable that writes down how it was treated."""

    def __init__(self, *parts):
        self.parts = list(parts)
        self.threads = set()
        self.closed = []

    def __iter__(self):
        return self

    def __next__(self):
        self.threads.add(threading.get_ident())
        if not self.parts:
            raise StopIteration
        part = self.parts.pop(0)
        if isinstance(part, BaseException):
            raise part
        return part

    def close(self):
        self.closed.append(threading.get_ident())


# --- Bodies in parts ------------------------------------------------------------------------------


async def test_a_body_whose_parts_are_there_at_once_lets_others_have_their_turn(serve):
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def parts():
        counting = asyncio.create_task(count())
        for _ in range(10_000):
            yield b"x"
        counting.cancel()

    async with serve(returning(parts)) as site:
        assert (await site.get()).body == b"x" * 10_000
        assert turns > 50


async def test_the_parts_of_a_body_are_sent_as_they_come(serve):
    go_on = threading.Event()

    def parts():
        yield b"first"
        assert go_on.wait(5)
        yield b"second"

    async with serve(returning(parts)) as site:
        client = await site.connect()
        client.get()
        await client.reader.readuntil(b"first")
        go_on.set()
        assert await client.reader.readuntil(b"\r\n0\r\n\r\n") == (b"\r\n6\r\nsecond\r\n0\r\n\r\n")


async def test_the_parts_are_made_in_threads_and_not_on_the_loop(serve):
    body = Body(b"a", b"b")
    async with serve(returning(lambda: body)) as site:
        assert (await site.get()).body == b"ab"
    assert threading.get_ident() not in body.threads


async def test_the_head_waits_for_the_first_bytes(serve):
    def application(environ, start_response):
        # PEP 3333 lets a generator call start_response when it is first advanced.
        start_response("404 Later", [])
        yield b""
        yield b"late"

    async with serve(application) as site:
        answer = await site.get()
        assert (answer.status, answer.body) == (404, b"late")


async def test_a_body_of_empty_parts_is_empty(serve):
    async with serve(returning(lambda: Body(b"", b""))) as site:
        assert (await site.get()).headers["content-length"] == "0"


async def test_a_body_in_parts_for_http_1_0_ends_with_the_connection(serve):
    async with serve(returning(lambda: Body(b"a", b"b"))) as site:
        client = await site.connect()
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = await client.answer()
        assert answer.headers["connection"] == "close"
        assert answer.body == b"ab"


async def test_a_response_to_head_asks_for_no_more_parts_than_the_first(serve):
    body = Body(b"a", b"b", b"c")
    async with serve(returning(lambda: body)) as site:
        await site.get(method="HEAD")
        await site.until(lambda: body.closed)
    assert body.parts == [b"b", b"c"]


@pytest.mark.parametrize("part", ["text", None, 5, bytearray(b"a")])
async def test_a_part_that_is_not_bytes_is_an_error(serve, part):
    async with serve(returning(lambda: Body(part))) as site:
        assert (await site.get()).status == 500
        assert f"must yield bytes (PEP 3333), got {type(part).__name__}" in site.log


async def test_a_client_that_does_not_read_stops_a_generator(serve):
    made = []

    def parts():
        for number in range(100):
            made.append(number)
            yield b"x" * 65536

    async with serve(returning(parts), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        stopped_at = len(made)
        await asyncio.sleep(0.05)
        assert len(made) == stopped_at < 100
        assert len((await client.answer()).body) == 100 * 65536


async def test_a_client_that_does_not_read_holds_no_thread(serve):
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with serve(
        returning(lambda: Body(*[b"x" * 65536] * 100)), send_buffer_bytes=4096
    ) as site:
        slow, other = await site.connect(slow=True), await site.connect()
        slow.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        other.get()
        assert len((await other.answer()).body) == 100 * 65536


async def test_write_and_a_body_in_parts_go_together(serve):
    def application(environ, start_response):
        start_response("200 OK", [])(b"a")
        return Body(b"b", b"c")

    async with serve(application) as site:
        assert (await site.get()).body == b"abc"


async def test_an_error_after_the_head_breaks_the_connection_off(serve):
    async with serve(returning(lambda: Body(b"a", LookupError("too late")))) as site:
        client = await site.connect()
        client.get()
        assert await client.gives_up()
        assert site.log.count("Traceback") == 1


# --- Bodies made on the loop ----------------------------------------------------------------------


async def test_an_asynchronous_body_is_made_on_the_loop(serve):
    threads = set()

    async def parts():
        for part in (b"a", b"b"):
            await asyncio.sleep(0)
            threads.add(threading.get_ident())
            yield part

    async with serve(returning(parts)) as site:
        client = await site.connect()
        for _ in range(2):
            client.get()
            assert (await client.answer()).body == b"ab"
    assert threads == {threading.get_ident()}


async def test_a_client_that_vanishes_ends_an_asynchronous_body(serve):
    ended = []

    async def parts():
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.append(asyncio.current_task())

    async with serve(returning(parts)) as site:
        client = await site.connect()
        client.get()
        await client.reader.readuntil(b"first")
        client.vanish()
        await site.until(lambda: ended)
        await site.until(lambda: not site.server.connections)
        assert "Traceback" not in site.log
    assert len(ended) == 1


async def test_an_asynchronous_body_that_fails_breaks_the_connection_off(serve):
    async def parts():
        yield b"first"
        raise LookupError("too late")

    async with serve(returning(parts)) as site:
        client = await site.connect()
        client.get()
        assert await client.gives_up()
        assert site.log.count("Traceback") == 1


async def test_a_client_that_does_not_read_stops_an_asynchronous_body(serve):
    made = []

    async def parts():
        for number in range(100):
            made.append(number)
            yield b"x" * 65536

    async with serve(returning(parts), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        assert len(made) < 100
        assert len((await client.answer()).body) == 100 * 65536


class Channel(EventChannel):
    """A channel that counts how often the response asked for a part."""

    asked = 0

    async def next_part(self, seconds):
        self.asked += 1
        return await super().next_part(seconds)

    def body(self):
        return AsyncBody(EventStreamResponse(self).app_iter)


async def test_events_of_a_channel_are_written_without_resuming_the_request(serve):
    channel = Channel()
    async with serve(returning(channel.body)) as site:
        client = await site.connect()
        client.get()
        head = await client.reader.readuntil(b"3\r\n:\n\n\r\n")
        assert b"chunked" in head
        await site.until(channel._is_idle)
        asked = channel.asked
        for number in range(20):
            channel.put(str(number))
            part = f"data: {number}\n\n".encode()
            frame = b"%x\r\n%b\r\n" % (len(part), part)
            assert await client.reader.readexactly(len(frame)) == frame
        assert channel.asked == asked
        channel.end()
        assert await client.reader.readexactly(5) == b"0\r\n\r\n"


async def test_events_for_a_client_that_does_not_read_wait_in_the_channel_in_order(serve):
    channel = Channel()
    async with serve(returning(channel.body), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(channel._is_idle)
        numbers = range(100)
        for number in numbers:
            assert channel.put(f"{number} {'x' * 65536}")
            await asyncio.sleep(0)
        assert channel.waiting
        channel.end()
        events = (await client.answer()).body.removeprefix(b":\n\n").split(b"\n\n")[:-1]
    assert [int(event.split()[1]) for event in events] == [*numbers]


async def test_an_event_after_the_client_has_gone_is_not_written(serve):
    channel = Channel()
    async with serve(returning(channel.body)) as site:
        client = await site.connect()
        client.get()
        await site.until(channel._is_idle)
        client.vanish()
        await site.until(lambda: not channel.put("late"))
        assert "Traceback" not in site.log


# --- close() --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_body_is_closed_once_and_not_on_the_loop(serve, method):
    body = Body(b"a")
    async with serve(returning(lambda: body)) as site:
        await site.get(method=method)
        await site.until(lambda: body.closed)
    assert len(body.closed) == 1
    assert body.closed[0] != threading.get_ident()


async def test_a_body_that_fails_is_closed_once(serve):
    body = Body(b"a", LookupError("in the middle"))
    async with serve(returning(lambda: body)) as site:
        client = await site.connect()
        client.get()
        assert await client.gives_up()
        await site.until(lambda: body.closed)
    assert len(body.closed) == 1


async def test_a_client_that_vanishes_during_the_response_closes_the_body_once(serve):
    body = Body(*[b"x" * 65536] * 4000)
    async with serve(returning(lambda: body), send_buffer_bytes=4096) as site:
        client = await site.connect(slow=True)
        client.get()
        await site.until(lambda: [c for c in site.server.connections if c.flow.full])
        client.vanish()
        await site.until(lambda: body.closed)
        assert "Traceback" not in site.log
    assert len(body.closed) == 1
    assert body.parts


async def test_an_error_in_close_is_logged_once(serve):
    class Sticky(Body):
        def close(self):
            raise LookupError("it sticks")

    async with serve(returning(lambda: Sticky(b"a"))) as site:
        assert (await site.get()).body == b"a"
        await site.until(lambda: "it sticks" in site.log)
        assert site.log.count("Traceback") == 1


async def test_a_body_is_not_closed_while_a_thread_still_makes_its_next_part(serve):
    ended, busy, go_on = [], threading.Event(), threading.Event()

    def parts():
        try:
            yield b"first"
            busy.set()
            go_on.wait(5)
            yield b"second"
        finally:
            ended.append("properly")

    async with serve(returning(parts)) as site:
        client = await site.connect()
        client.get()
        await site.until(busy.is_set)
        (connection,) = site.server.connections
        connection.give_up()
        await asyncio.sleep(0.05)  # the time in which a wrong close() would fail
        go_on.set()
        assert await client.gives_up()
        assert "already executing" not in site.log
        await site.until(lambda: ended)


async def test_a_body_is_closed_though_the_request_is_cancelled_in_the_meantime(serve):
    threads = ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    go_on = threading.Event()

    class LastPart(Body):
        def __next__(self):
            if len(self.parts) == 1:
                # The only thread has something else to do before it comes to close().
                threads.submit(go_on.wait, 5)
            return super().__next__()

    body = LastPart(b"whole")
    async with serve(returning(lambda: body, headers=[("Content-Length", "5")])) as site:
        client = await site.connect()
        client.get()
        assert (await client.answer()).body == b"whole"
        (connection,) = site.server.connections
        connection.give_up()
        await asyncio.sleep(0)
        go_on.set()
        await site.until(lambda: body.closed)
    assert len(body.closed) == 1


# --- Files ----------------------------------------------------------------------------------------


async def test_a_file_is_sent_in_blocks_that_threads_read(serve):
    class File(io.BytesIO):
        def read(self, size=-1):
            threads.add(threading.get_ident())
            return super().read(size)

    def application(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file, 1000)

    threads, file = set(), File(b"x" * 2500)
    async with serve(application) as site:
        assert (await site.get()).body == b"x" * 2500
        await site.until(lambda: file.closed)
    assert threading.get_ident() not in threads


async def test_a_file_without_close_will_do(serve):
    class Readable:
        read = io.BytesIO(b"abc").read

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "3")])
        return environ["wsgi.file_wrapper"](Readable())

    async with serve(application) as site:
        assert (await site.get()).body == b"abc"
