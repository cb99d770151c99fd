"""group: sending, joining, resuming and presence, on one worker."""

import asyncio
import json
import threading
from urllib.parse import quote

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.request import Request

from aiopyramid_core import await_, call_in_thread
from aiopyramid_groups import (
    GroupsNotStarted,
    InvalidGroupName,
    InvalidMessage,
    group_counts,
    group_of,
)


async def test_a_message_reaches_all_members_and_its_sender(site):
    async with site() as site, site.client() as ada, site.client() as bob:
        await ada.send("hello")
        assert [await ada.recv(), await bob.recv()] == ["hello", "hello"]


@pytest.mark.parametrize("message", ["grüß", "", b"\x00\xff", b""])
async def test_a_message_arrives_as_it_was(site, message):
    async with site() as site, site.client() as ada:
        await site.group().send(message)
        assert await ada.recv() == message


async def test_a_value_is_sent_as_json(site):
    async with site() as site, site.client() as ada:
        await site.group().send_json({"n": [1, None]})
        assert await ada.recv() == '{"n":[1,null]}'
        with pytest.raises(InvalidMessage, match="JSON cannot represent the message"):
            await site.group().send_json(object())


async def test_groups_are_apart(site):
    async with site() as site, site.client("/a") as ada, site.client("/b") as bob:
        await site.group("a").send("for a")
        await site.group("b").send("for b")
        assert [await ada.recv(), await bob.recv()] == ["for a", "for b"]


async def test_all_members_get_all_messages_in_one_order(site):
    async with site() as site, site.client() as ada, site.client() as bob:
        sends = [site.group().send(f"{sender}{n}") for n in range(20) for sender in "xy"]
        await asyncio.gather(*sends)
        assert await ada.take(40) == await bob.take(40)


async def test_who_has_left_gets_nothing(site, until):
    async with site() as site, site.client() as ada:
        async with site.client():
            pass
        await until(lambda: len(site.registry["aiopyramid.groups.hub"]._channels) == 1)
        await site.group().send("still here")
        assert await ada.recv() == "still here"
    assert site.registry["aiopyramid.groups.hub"]._channels == {}


# --- Synchronous code -----------------------------------------------------------------------------


async def test_a_thread_sends_with_await_or_with_send_now(site):
    async with site() as site, site.client() as ada:

        def save():
            group = group_of(site.registry, "room")
            identifier = await_(group.send("saved"))
            group.send_now("and more")
            return identifier, threading.current_thread()

        identifier, thread = await call_in_thread(None, save)
        assert await ada.take(2) == ["saved", "and more"]
        assert "-" in identifier
        assert thread is not threading.main_thread()


async def test_messages_of_send_now_stay_in_order(site):
    async with site() as site, site.client() as ada:
        for number in range(50):
            site.group().send_now(str(number))
        assert await ada.take(50) == [str(number) for number in range(50)]


# --- Resuming -------------------------------------------------------------------------------------


async def test_a_member_resumes_after_the_last_message_that_it_has_seen(site):
    async with site() as site:
        ids = [await site.group().send(str(number)) for number in range(5)]
        async with site.client(f"/room?after={ids[1]}") as ada:
            await site.group().send("live")
            assert await ada.take(4) == ["2", "3", "4", "live"]
            assert site.members[0].is_recovered


async def test_messages_sent_while_the_history_is_fetched_come_after_it_and_once(site):
    async with site() as site:
        group = site.group()
        first = await group.send("0")
        await group.send("1")
        engine = site.registry["aiopyramid.groups.hub"].engine
        fetch = engine.history

        async def slow_history(name, after):
            before = await fetch(name, after)
            await group.send("2")  # not in this history
            await group.send("3")
            return before

        engine.history = slow_history
        async with site.client(f"/room?after={first}") as ada:
            await group.send("4")
            assert await ada.take(4) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("after", ["1-1", "nonsense", "٣-1", "1-1-1", "9" * 5000 + "-1", "-"])
async def test_a_member_with_an_unknown_identifier_is_told_to_resync(site, after):
    async with site() as site:
        await site.group().send("before")
        async with site.client(f"/room?after={quote(after)}") as ada:
            await site.group().send("live")
            received = await ada.recv(), await ada.recv()
            assert received[0] == "resync"
            assert received[1] in ("before", "live")
            assert not site.members[0].is_recovered
            assert site.members[0].resyncs == 1


async def test_trimmed_history_is_a_resync_and_then_what_is_left(site):
    async with site(**{"aiopyramid.groups.history": "3"}) as site:
        ids = [await site.group().send(str(number)) for number in range(6)]
        async with site.client(f"/room?after={ids[0]}") as ada:
            assert await ada.take(4) == ["resync", "3", "4", "5"]
        async with site.client(f"/room?after={ids[2]}") as ada:
            assert await ada.take(3) == ["3", "4", "5"]


async def test_history_says_whether_it_is_complete(site):
    async with site(**{"aiopyramid.groups.history": "3"}) as site:
        ids = [await site.group().send(str(number)) for number in range(6)]
        messages, is_complete = await site.group().history(ids[3])
        assert [(m.id, m.data) for m in messages] == [(ids[4], "4"), (ids[5], "5")]
        assert is_complete
        messages, is_complete = await site.group().history(ids[1])
        assert [m.data for m in messages] == ["3", "4", "5"]
        assert not is_complete


async def test_a_client_can_be_given_the_identifiers(site):
    async with site() as site, site.client("/room?envelope=1") as ada:
        identifier = await site.group().send("x")
        await site.group().send(b"\x00")
        assert json.loads(await ada.recv()) == {"id": identifier, "data": "x"}
        assert json.loads(await ada.recv())["data"] == "AA=="


# --- Presence -------------------------------------------------------------------------------------


async def test_members_are_listed_while_they_are_here(site, until):
    async with site() as site:
        async with site.client("/room?who=ada"), site.client("/room?who=bob"), site.client():
            assert sorted(await site.group().members()) == ["ada", "bob"]
            assert await site.group("other").members() == []
        assert await site.group().members() == []


async def test_who_is_bounded(site):
    async with site(**{"aiopyramid.groups.max_who": "10"}) as site:
        with pytest.raises(InvalidMessage, match=r"who has 22 bytes as JSON, but .* is 10"):
            async with site.group().join(None, who="x" * 20):
                pass
        with pytest.raises(InvalidMessage, match="JSON cannot represent"):
            async with site.group().join(None, who=object()):
                pass


# --- Mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "x" * 201, None, b"room", "\ud800"])
async def test_an_invalid_name_is_refused(site, name):
    async with site() as site:
        with pytest.raises(InvalidGroupName, match="the name of a group must"):
            site.group(name)


async def test_an_invalid_message_is_refused(site):
    async with site(**{"aiopyramid.groups.max_message": "3"}) as site:
        group = site.group()
        with pytest.raises(InvalidMessage, match="must be str or bytes, not dict"):
            await group.send({})
        with pytest.raises(
            InvalidMessage, match=r"4 bytes, but aiopyramid.groups.max_message is 3"
        ):
            group.send_now("ähm")
        with pytest.raises(InvalidMessage, match="cannot be encoded"):
            await group.send("\ud800")


async def test_invalid_limits_are_refused(site):
    async with site() as site:
        request = Request.blank("/")
        with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
            site.group().events(request, limit=0)
        with pytest.raises(ValueError, match="slow must be 'close' or 'drop', not 'wait'"):
            site.group().events(request, slow="wait")


async def test_groups_do_not_work_before_the_application_has_started(site):
    with pytest.raises(GroupsNotStarted, match="after the application has started"):
        await site().group().send("early")


def test_groups_need_the_include():
    registry = Configurator().registry
    with pytest.raises(ConfigurationError, match=r"config.include\('aiopyramid_groups'\)"):
        group_of(registry, "room")


# --- Several workers ------------------------------------------------------------------------------


async def test_the_memory_engine_warns_once_of_other_workers(site, caplog):
    async with site() as site:
        request = Request.blank("/", environ={"wsgi.multiprocess": True})
        request.registry = site.registry
        group_of(request, "a")
        group_of(request, "b")
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "There may be several workers, and the groups of each are its own: a message reaches only"
        " the members on the worker that sends it. Install aiopyramid-groups[redis] and set"
        " aiopyramid.groups.url = redis://localhost:6379/0; or, for an ASGI server with one worker,"
        " set aiopyramid.asgi.multiprocess = false"
    ]


async def test_groups_members_and_messages_are_counted(site):
    before = group_counts()
    async with site() as site, site.client() as ada, site.client() as bob:
        await ada.send("hello")
        assert [await ada.recv(), await bob.recv()] == ["hello", "hello"]
        now = group_counts()
        assert (now.groups - before.groups, now.members - before.members) == (1, 2)
        assert (now.sent - before.sent, now.delivered - before.delivered) == (1, 2)
    assert group_counts()[:2] == before[:2]
