"""Hostile and careless clients and code: nobody else suffers, and nothing is left behind."""

import asyncio
import gc
import threading

import pytest

from aiopyramid_core.lifespan import lifespan_of
from aiopyramid_groups import EngineUnavailable, GroupsNotStarted
from aiopyramid_groups._channel import Channel

BIG = "x" * 70_000  # more than a transport buffers


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here."""
    return asyncio.new_event_loop


async def test_a_client_that_does_not_read_delays_nobody_else(site):
    async with site() as site, site.client() as slow, site.client() as fast:
        slow._connection._transport.pause_reading()
        for number in range(300):
            await site.group().send(f"{number} {BIG}")
            assert (await fast.recv()).startswith(f"{number} ")


async def test_a_member_that_joins_and_leaves_a_thousand_times_leaves_nothing(site):
    async with site() as site, site.client() as ada:
        hub = site.registry["aiopyramid.groups.hub"]
        tasks = asyncio.all_tasks()
        ws = FakeSocket()
        for number in range(1000):
            async with site.group().join(ws, who=number), site.group(f"other{number}").join(ws):
                pass
        assert [*hub._channels] == ["room"]
        assert len(hub._channels["room"].members) == 1
        assert await site.group().members() == []
        while asyncio.all_tasks() != tasks:
            await asyncio.sleep(0.002)
        gc.collect()
        channels = [each for each in gc.get_objects() if type(each) is Channel]
        assert len(channels) == 1
        await site.group().send("still here")
        assert await ada.recv() == "still here"


async def test_a_membership_begins_once(site):
    async with site() as site:
        membership = site.group().join(FakeSocket())
        async with membership:
            with pytest.raises(RuntimeError, match=r"call join\(\) for each 'async with'"):
                await membership.__aenter__()
        with pytest.raises(RuntimeError, match="began before"):
            await membership.__aenter__()
        assert site.registry["aiopyramid.groups.hub"]._channels == {}


class FakeSocket:
    closed = False

    def post(self, message):
        return True


async def test_a_join_that_is_cancelled_leaves_nothing(site):
    async with site() as site:
        engine = site.registry["aiopyramid.groups.hub"].engine
        never = asyncio.Event()

        async def history(group, after):
            await never.wait()

        engine.history = history
        join = asyncio.create_task(site.group().join(FakeSocket(), after="1-1").__aenter__())
        await asyncio.sleep(0.01)
        join.cancel()
        await asyncio.wait([join])
        assert site.registry["aiopyramid.groups.hub"]._channels == {}


async def test_threads_that_send_while_the_worker_stops_are_told_or_sent(site):
    """Each call returns or raises one of our errors; what is not sent after all is logged."""
    unexpected = []
    stopped = threading.Event()

    async with site() as site:
        group = site.group()

        def send():
            while not stopped.is_set():
                stopped.wait(0.001)
                try:
                    group.send_now("x")
                except (GroupsNotStarted, EngineUnavailable):
                    pass
                except BaseException as error:
                    unexpected.append(error)
                    return

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.sleep(0.05)
        await lifespan_of(site.registry).stop()
        await asyncio.sleep(0.02)
    stopped.set()
    for thread in threads:
        thread.join(10)
    assert unexpected == []
    with pytest.raises(GroupsNotStarted):
        group.send_now("late")


async def test_send_now_is_bounded(site):
    async with site() as site:
        for _ in range(10_000):
            site.group().send_now("x")
        with pytest.raises(EngineUnavailable, match="10000 messages of send_now"):
            site.group().send_now("x")


async def test_a_member_that_raises_does_not_stop_the_others(site, caplog):
    class BrokenSocket:
        closed = False

        def post(self, message):
            raise LookupError("broken")

        async def close(self, code, reason):
            self.closed = True

    async with site() as site, site.group().join(BrokenSocket()), site.client() as ada:
        await site.group().send("x")
        assert await ada.recv() == "x"
    assert "LookupError: broken" in caplog.text


async def test_an_envelope_that_fails_ends_its_member_and_no_other(site, caplog):
    def envelope(id, data):
        raise LookupError("no envelope")

    async with site() as site, site.client() as ada:
        site.options = {"envelope": envelope}
        async with site.client() as bob:
            await site.group().send("x")
            assert await ada.recv() == "x"
            assert await bob.recv() is None
            assert bob.close_code == 1011
    assert "LookupError: no envelope" in caplog.text
