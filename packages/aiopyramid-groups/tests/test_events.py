"""_events: the messages of a group as server-sent events."""

import asyncio

import pytest
from pyramid.request import Request

from aiopyramid_core.streaming import EventStreamResponse


def open_stream(site, last_event_id=None, **options):
    request = Request.blank("/")
    if last_event_id is not None:
        request.headers["Last-Event-ID"] = last_event_id
    events = site.group().events(request, **options)
    return EventStreamResponse(events, heartbeat_seconds=0.05).app_iter, events


async def read(stream, text):
    """Read until a text has arrived."""
    received = ""
    while text not in received:
        received += (await anext(stream)).decode()
    return received.replace(":\n\n", "")


async def test_a_message_is_an_event_with_its_identifier(site):
    async with site() as site:
        stream, _ = open_stream(site)
        await anext(stream)
        first = await site.group().send("a\nb")
        second = await site.group().send(b"\x00")
        assert await read(stream, "AA==\n\n") == (
            f"id: {first}\ndata: a\ndata: b\n\nid: {second}\ndata: AA==\n\n"
        )
        await stream.aclose()


async def test_a_stream_resumes_after_the_last_event(site):
    async with site() as site:
        ids = [await site.group().send(str(number)) for number in range(4)]
        stream, events = open_stream(site, ids[1], event="news")
        received = await read(stream, "data: 3\n\n")
        assert received == "".join(
            f"event: news\nid: {ids[number]}\ndata: {number}\n\n" for number in (2, 3)
        )
        assert events.is_recovered
        await stream.aclose()


async def test_a_stream_that_cannot_resume_begins_with_resync(site):
    async with site(**{"aiopyramid.groups.history": "2"}) as site:
        ids = [await site.group().send(str(number)) for number in range(4)]
        for last in (ids[0], "nonsense"):
            stream, events = open_stream(site, last)
            received = await read(stream, "\n\n")
            assert received.startswith("event: resync\ndata: \n\n")
            assert not events.is_recovered
            await stream.aclose()


async def test_websockets_and_streams_are_members_of_the_same_group(site):
    async with site() as site, site.client() as ada:
        stream, _ = open_stream(site, who="bob")
        await anext(stream)
        await ada.send("hello")
        assert await ada.recv() == "hello"
        assert "data: hello" in await read(stream, "hello")
        assert await site.group().members() == ["bob"]
        await stream.aclose()
        assert await site.group().members() == []


async def test_a_stream_that_does_not_keep_up_ends_so_that_its_client_resumes(site):
    async with site() as site:
        stream, _ = open_stream(site, limit=3)
        await anext(stream)
        ids = [await site.group().send(str(number)) for number in range(10)]
        received = b"".join([part async for part in stream]).decode()
        assert received == "".join(f"id: {ids[n]}\ndata: {n}\n\n" for n in range(3))
        stream, _ = open_stream(site, ids[2])
        assert (await read(stream, "data: 9\n\n")).count("data: ") == 7
        await stream.aclose()


async def test_a_stream_may_leave_the_oldest_messages_out(site):
    async with site() as site:
        stream, events = open_stream(site, limit=3, slow="drop")
        await anext(stream)
        for number in range(10):
            await site.group().send(str(number))
        assert len(events.waiting) == 4  # three messages and the sign that others are missing
        received = await read(stream, "data: 9\n\n")
        assert received.startswith("event: resync\ndata: \n\nid: ")
        assert [line[6:] for line in received.split("\n") if line.startswith("data: ")] == [
            "",
            "7",
            "8",
            "9",
        ]
        assert events.dropped == 7
        await stream.aclose()


async def test_a_long_history_fits_into_a_stream_with_a_short_queue(site):
    async with site() as site:
        ids = [await site.group().send(str(number)) for number in range(100)]
        stream, _ = open_stream(site, ids[0], limit=1)
        assert (await read(stream, "data: 99\n\n")).count("data: ") == 99
        await stream.aclose()


async def test_an_invalid_type_of_events_is_refused_before_the_first_one(site):
    async with site() as site:
        with pytest.raises(ValueError, match="the event of a server-sent event must be one line"):
            site.group().events(Request.blank("/"), event="a\nb")


async def test_nothing_is_left_of_a_stream_whose_client_has_gone(site):
    async with site() as site:
        tasks = asyncio.all_tasks()
        stream, _ = open_stream(site)
        await anext(stream)
        await stream.aclose()
        assert site.registry["aiopyramid.groups.hub"]._channels == {}
        assert asyncio.all_tasks() == tasks
