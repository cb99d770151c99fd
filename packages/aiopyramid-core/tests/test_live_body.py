"""live_body: a request's body that the application reads while it arrives."""

import asyncio

import pytest

from aiopyramid_core import await_, call_in_thread, spawn_greenlet
from aiopyramid_core._live_body import LiveBody
from aiopyramid_core.exceptions import BodyTooSlow, ContentTooLarge, UploadAborted
from aiopyramid_core.servers import BodyLimits


def never(length_bytes, waited_seconds):
    return float("inf")


def offered(body):
    environ = {}
    body.offer(environ)
    return environ["wsgi.input"]


def live(arrived=b"", missing=0, *, longest_wait=never, limit=1 << 30):
    return LiveBody(BodyLimits(body_bytes=limit), arrived, missing, longest_wait)


async def all_of(body, most=1 << 20):
    parts = []
    while part := await body.part(most):
        parts.append(part)
    return parts


def test_parts_are_as_they_arrived_or_smaller(run):
    async def read():
        body = live(b"abc")
        body.write(b"defgh")
        body.end()
        return await all_of(body, 4)

    assert run(read) == [b"abc", b"defg", b"h"]


def test_an_empty_part_is_not_the_end(run):
    async def read():
        body = live()
        for data in (b"", b"abc", b"", b"def"):
            body.write(data)
        body.end()
        return await all_of(body)

    assert run(read) == [b"abc", b"def"]


def test_a_reader_waits_for_what_arrives(run):
    async def read():
        body = live()
        reading = asyncio.create_task(all_of(body))
        for data in (b"abc", b"def"):
            await asyncio.sleep(0)
            body.write(data)
            await asyncio.sleep(0)
        body.end()
        return await reading

    assert run(read) == [b"abc", b"def"]


def test_a_reader_that_is_cancelled_loses_nothing(run):
    async def read():
        body = live()
        reading = asyncio.create_task(body.part(10))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
        body.write(b"abc")
        body.end()
        return await all_of(body)

    assert run(read) == [b"abc"]


def test_two_readers_share_the_parts(run):
    async def read():
        body = live()
        reading = [asyncio.create_task(body.part(10)) for _ in range(2)]
        await asyncio.sleep(0)
        body.write(b"abc")
        body.write(b"def")
        return await asyncio.gather(*reading)

    assert run(read) == [b"abc", b"def"]


def test_it_is_full_until_half_of_it_was_read(run):
    async def read():
        body = live()
        room = []
        body.on_room = lambda: room.append(body.is_full)
        body.write(b"x" * (256 << 10))
        states = [body.is_full]
        await body.part(100_000)
        states.append(body.is_full)
        await body.part(100_000)
        return [*states, body.is_full], room

    assert run(read) == ([True, True, False], [False])


def test_the_first_wait_is_told_once(run):
    async def read():
        body = live(b"abc")
        told = []
        body.on_first_read = lambda: told.append(body.length_bytes)
        await body.part(10)
        assert told == []
        for data in (b"def", b"ghi"):
            asyncio.get_running_loop().call_soon(body.write, data)
            await body.part(10)
        return told

    assert run(read) == [3]


def test_a_body_beyond_the_limit_is_refused():
    body = live(limit=5)
    body.write(b"abc")
    with pytest.raises(ContentTooLarge, match="exceeds 5 bytes"):
        body.write(b"def")


def test_what_has_arrived_is_read_before_an_error(run):
    async def read():
        body = live(b"abc")
        body.lose()
        assert await body.part(10) == b"abc"
        with pytest.raises(UploadAborted, match="after 3 bytes of the request body") as aborted:
            await body.part(10)
        return isinstance(aborted.value, OSError)

    assert run(read) is True


def test_a_complete_body_cannot_fail(run):
    async def read():
        body = live(b"abc")
        body.end()
        body.lose()
        return await all_of(body)

    assert run(read) == [b"abc"]


def test_a_client_that_pauses_for_too_long_is_told_to_the_reader(run):
    waits = []

    def longest_wait(length_bytes, waited_seconds):
        waits.append((length_bytes, waited_seconds >= 0))
        return 0.01

    async def read():
        body = live(b"abc", longest_wait=longest_wait)
        await body.part(10)
        asyncio.get_running_loop().call_soon(body.write, b"def")
        await body.part(10)
        with pytest.raises(BodyTooSlow):
            await body.part(10)

    run(read)
    assert waits == [(3, True), (6, True)]


def test_closing_ends_a_reader(run):
    async def read():
        body = live()
        reading = asyncio.create_task(body.part(10))
        await asyncio.sleep(0)
        body.close()
        with pytest.raises(UploadAborted):
            await reading
        body.write(b"late")
        return body.is_full

    assert run(read) is False


def test_missing_bytes_count_down():
    body = live(b"abc", 3)
    body.write(b"de")
    assert (body.missing_bytes, body.length_bytes) == (1, 5)
    body.write(b"f")
    assert body.missing_bytes == 0


# --- As a file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_thread", [False, True])
def test_synchronous_code_reads_it_as_a_file(run, in_thread):
    async def feed(body):
        for data in (b"line 1\nli", b"ne 2\n", b"rest"):
            await asyncio.sleep(0)
            body.write(data)
        body.end()

    def use(file):
        return [file.readline(), file.read(3), file.read(), file.read()]

    async def read():
        body = live()
        feeding = asyncio.create_task(feed(body))
        file = offered(body)
        if in_thread:
            lines = await call_in_thread(None, use, file)
        else:
            lines = use(file)
        await feeding
        return lines, file.live_body

    lines, rest = run(spawn_greenlet, await_, read())
    assert lines == [b"line 1\n", b"lin", b"e 2\nrest", b""]
    assert rest is None


def test_a_file_that_was_not_read_gives_the_body(run):
    async def read():
        body = live()
        return offered(body).live_body is body

    assert run(read) is True
