"""_intake: bytes are dealt out such that no client has to wait for the parsing of another's."""

import asyncio
from collections import Counter

from aiopyramid_core import await_
from aiopyramid_gunicorn._http1.inbound import Inbound
from aiopyramid_gunicorn._intake import Intake
from aiopyramid_gunicorn._protocol import HTTPProtocol
from aiopyramid_gunicorn._state import State

KIB = 1 << 10
MUCH = bytes(range(256)) * KIB
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
TINY = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n"


def slices(intake, effort, *, in_body=True):
    """Take all there is, in slices each of which takes so much effort; return their sizes."""
    sizes = []
    while not intake.is_empty:
        data = intake.take(0, in_body=in_body)
        sizes.append(len(data))
        intake.spent(effort)
    return sizes


def test_all_that_was_added_comes_out_in_order():
    intake, received = Intake(), b""
    for begin in range(0, len(MUCH), 100_000):
        intake.add(MUCH[begin : begin + 100_000])
        received += intake.take(0, in_body=True)
    while not intake.is_empty:
        received += intake.take(0, in_body=False)
    assert received == MUCH
    assert intake.take_all() == b""


def test_slices_that_are_quick_get_larger_and_slow_ones_small():
    intake = Intake()
    intake.add(MUCH * 4)
    assert slices(intake, 0)[:4] == [2 * KIB, 4 * KIB, 8 * KIB, 16 * KIB]
    intake.add(MUCH)
    assert slices(intake, 1000)[:5] == [256 * KIB]  # what it has learned from what came before
    intake.add(MUCH)
    assert slices(intake, 1000)[:4] == [4 * KIB, 2 * KIB, KIB, 512]


def test_where_requests_begin_slices_are_small():
    intake = Intake()
    intake.add(MUCH)
    assert set(slices(intake, 0, in_body=False)) == {2 * KIB}


def test_of_a_body_of_known_length_all_is_taken_at_once():
    intake = Intake()
    intake.add(MUCH)
    assert len(intake.take(200_000, in_body=True)) == 200_000
    assert len(intake.take_all()) == len(MUCH) - 200_000


def test_a_turn_ends_when_its_effort_is_spent():
    intake = Intake()
    intake.spent(400)
    assert not intake.is_due
    intake.spent(400)
    assert intake.is_due
    intake.rest()
    assert not intake.is_due


# --- On a connection ------------------------------------------------------------------------------


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


async def test_a_flood_of_tiny_chunks_arrives_whole_while_others_are_served(serve):
    async with serve(echo) as site:
        flood = await site.connect()
        flood.send(CHUNKED + b"1\r\na\r\n" * 200_000)
        await site.until(lambda: [c for c in site.server.connections if c.inbound.growing])
        (connection,) = site.server.connections
        assert (await site.get()).status == 200
        # All at once, it would have been parsed before the other client was accepted.
        assert connection.inbound.growing.body.length_bytes < 200_000
        flood.send(b"0\r\n\r\n")
        assert (await flood.answer()).body == b"a" * 200_000


async def test_a_large_upload_is_parsed_a_read_at_a_time(serve, monkeypatch):
    def count(cls, name):
        def counting(self, *args, **options):
            counts[name] += 1
            return function(self, *args, **options)

        function = getattr(cls, name)
        monkeypatch.setattr(cls, name, counting)

    counts = Counter()
    count(HTTPProtocol, "data_received")  # once for each read
    count(Inbound, "feed")
    count(Intake, "rest")
    size = 8 * KIB
    async with serve(echo) as site:
        client = await site.connect()
        client.send(CHUNKED + (b"%x\r\n" % size + bytes(size) + b"\r\n") * KIB + b"0\r\n\r\n")
        assert (await client.answer()).body == bytes(size * KIB)
    reads = counts["data_received"]
    assert counts["rest"] <= reads
    assert counts["feed"] <= reads + 10  # at first, slices have to grow
    assert reads > 20


async def test_requests_after_a_slow_one_are_not_parsed_before_their_time(serve):
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            await_(go_on.wait())
        return echo(environ, start_response)

    go_on = asyncio.Event()
    async with serve(application) as site:
        client = await site.connect()
        client.get("/slow")
        await site.until(lambda: site.server.connections)
        (connection,) = site.server.connections
        await site.until(lambda: connection.state is State.HANDLING)
        client.send(TINY * 3000)
        await site.until(lambda: connection.inbound.waiting)
        await asyncio.sleep(0.05)
        assert len(connection.inbound.waiting) <= 2 * KIB / len(TINY)
        go_on.set()
        for _ in range(3001):
            assert (await client.answer()).status == 200


async def test_garbage_after_a_flood_is_answered_and_the_rest_dropped(serve):
    async with serve(echo) as site:
        client = await site.connect()
        client.send(CHUNKED + b"1\r\na\r\n" * 50_000 + b"garbage\r\n" + MUCH * 4)
        assert (await client.answer()).status == 400
        assert await client.closed()
