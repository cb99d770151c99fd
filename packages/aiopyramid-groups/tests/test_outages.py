"""Redis fails while members wait and others send: nothing that was acknowledged is lost silently.

Each outage runs over two workers, with members on both. A sender counts the acknowledged messages.
Afterwards each member has got all of them, or was told to resync; all in one order, none twice; no
connection was closed, and messages arrive again soon after the end of the outage.
"""

import asyncio
import contextlib
import gc
import logging
import re
import time
import uuid

import pytest
from redis_server import redis_server
from stalling_proxy import StallingProxy
from stopwatch import Stopwatch

import aiopyramid_groups._redis.failures
from aiopyramid_groups import GroupsError, NotSent, OutcomeUnknown

MEMBERS = 10
OUTAGE_SECONDS = 1.0
SOON_SECONDS = 1.5
"""``benchmarks/group_outages.py`` measures the second until the first message."""


@pytest.fixture
def loop_factory():
    """One kind of loop is enough here; test_redis.py runs on each."""
    return asyncio.new_event_loop


@pytest.fixture(scope="module")
def server():
    with redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture(scope="module")
def forgetful_server():
    with redis_server() as server:
        yield server


class Crowd:
    """Two workers, members on both, and a sender of 50 messages a second."""

    def __init__(self, one, two):
        self.workers = one, two
        self.received = []
        self.acknowledged = []
        self.unknown = []
        self.last_ends_at = 0.0

    @classmethod
    @contextlib.asynccontextmanager
    async def gather(cls, site, url, **settings):
        settings |= {"url": url, "prefix": uuid.uuid4().hex, "heartbeat": 0.3}
        settings.setdefault("send_timeout", 0.4)
        settings = {f"aiopyramid.groups.{name}": value for name, value in settings.items()}
        async with site(**settings) as one, site(**settings) as two:
            crowd = cls(one, two)
            async with contextlib.AsyncExitStack() as stack:
                readers = []
                for number in range(MEMBERS):
                    worker = crowd.workers[number % 2]
                    path = f"/room?who={number}"
                    client = await stack.enter_async_context(worker.client(path))
                    received = []
                    crowd.received.append(received)
                    readers.append(asyncio.create_task(crowd._read(client, received)))
                sender = asyncio.create_task(crowd._send())
                try:
                    await crowd.flows()
                    yield crowd
                finally:
                    for task in (sender, *readers):
                        task.cancel()
                    await asyncio.wait((sender, *readers))

    async def _read(self, client, received):
        while (message := await client.recv()) is not None:
            received.append(message)
        received.append("closed")

    async def _send(self):
        number = 0
        while True:
            number += 1
            group = self.workers[number % 2].group()
            try:
                await group.send(str(number))
            except NotSent:
                await asyncio.sleep(0.01)
            except OutcomeUnknown:
                self.unknown.append(str(number))
            else:
                self.acknowledged.append(str(number))
                await asyncio.sleep(0.02)

    async def flows(self):
        """Wait until a message that is sent from now on is everywhere; return the seconds."""
        watch = Stopwatch()
        count = len(self.acknowledged)
        while len(self.acknowledged) <= count:
            await watch.sleep(0.005)
        wanted = self.acknowledged[-1]
        while not all(wanted in received for received in self.received):
            await watch.sleep(0.005)
        return watch.seconds

    def check(self, *, must_be_complete=False):
        """Check what everybody has got."""
        last = self.acknowledged[-1]
        orders = []
        for received in self.received:
            assert "closed" not in received
            messages = [message for message in received if message != "resync"]
            assert len(messages) == len(set(messages)), "a message came twice"
            missing = set(self.acknowledged) - set(messages[: messages.index(last) + 1])
            if must_be_complete or "resync" not in received:
                assert not missing
            orders.append(messages)
        everywhere = set.intersection(*map(set, orders))
        assert len({tuple(each for each in order if each in everywhere) for order in orders}) == 1


async def test_flowing_messages_need_no_resync(site, server):
    async with Crowd.gather(site, server.url) as crowd:
        for _ in range(5):
            await crowd.flows()
        crowd.check(must_be_complete=True)
        assert not any("resync" in received for received in crowd.received)


async def test_redis_is_killed_and_comes_back_with_its_data(site, server, members_become):
    async with Crowd.gather(site, server.url) as crowd:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(server.start)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)
        await members_become(crowd.workers[0].group(), *(str(n) for n in range(MEMBERS)))


async def test_redis_is_killed_and_has_lost_its_data(site, forgetful_server, members_become):
    server = forgetful_server
    async with Crowd.gather(site, server.url) as crowd:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(server.start)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check()
        assert all("resync" in received for received in crowd.received)
        await members_become(crowd.workers[0].group(), *(str(n) for n in range(MEMBERS)))


async def test_redis_does_not_answer_for_a_while(site, server):
    async with Crowd.gather(site, server.url) as crowd:
        with server.stopped():
            await asyncio.sleep(OUTAGE_SECONDS)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)


async def test_a_send_that_is_not_answered_has_an_unknown_outcome(site, server):
    async with Crowd.gather(site, server.url) as crowd:
        group = crowd.workers[0].group()
        with server.stopped(), pytest.raises(OutcomeUnknown, match=r"not answered within 0\.4 s"):
            await group.send("unknown")
        while not all("unknown" in received for received in crowd.received):
            await asyncio.sleep(0.01)


async def test_an_error_of_any_kind_does_not_make_a_worker_deaf(site, server, caplog):
    async with Crowd.gather(site, server.url) as crowd:
        hub = crowd.workers[1].registry["aiopyramid.groups.hub"]
        receive = hub.receive

        def fail_once(*message):
            hub.receive = receive
            raise LookupError("a mistake of ours")

        hub.receive = fail_once
        assert await crowd.flows() < 2
        crowd.check(must_be_complete=True)
    assert "a mistake of ours" in caplog.text


async def test_redis_does_not_answer_heartbeats(site, server, monkeypatch, caplog):
    monkeypatch.setattr(aiopyramid_groups._redis.failures, "ANSWER_SECONDS", 0.5)
    async with Crowd.gather(site, server.url) as crowd:
        with server.stopped():
            while "Redis is away" not in caplog.text:
                await asyncio.sleep(0.05)
            await asyncio.sleep(OUTAGE_SECONDS)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)


async def test_a_heartbeat_without_an_answer_is_reported_only_as_an_outage(
    site, server, monkeypatch, caplog
):
    monkeypatch.setattr(aiopyramid_groups._redis.failures, "ANSWER_SECONDS", 0.2)
    lines = []

    def note(record):  # without the record, which refers to the future of the answer
        lines.append(record.getMessage())

    monkeypatch.setattr(logging.getLogger("aiopyramid_groups"), "handle", note)
    settings = {"url": server.url, "prefix": uuid.uuid4().hex, "heartbeat": 0.05}
    async with site(**{f"aiopyramid.groups.{name}": value for name, value in settings.items()}):
        with server.stopped():
            while not lines:
                await asyncio.sleep(0.01)
        while len(lines) < 2:
            await asyncio.sleep(0.01)
    gc.collect()  # asyncio logs a future whose exception nobody has looked at
    assert lines == [
        "Redis is away: Redis does not answer heartbeats",
        "Redis has been reached again",
    ]
    assert not caplog.records


async def test_all_connections_are_killed_again_and_again(site, server):
    async with Crowd.gather(site, server.url) as crowd:
        for kind in ("normal", "pubsub") * 3:
            server.client().execute_command("CLIENT", "KILL", "TYPE", kind)
            await asyncio.sleep(0.1)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)
        assert not any("resync" in received for received in crowd.received)


async def test_all_data_is_flushed(site, forgetful_server):
    server = forgetful_server
    async with Crowd.gather(site, server.url) as crowd:
        server.client().flushall()
        assert await crowd.flows() < SOON_SECONDS
        crowd.check()
        while not all("resync" in received for received in crowd.received):
            await asyncio.sleep(0.01)
        group = crowd.workers[0].group()
        while sorted(await group.members()) != [str(number) for number in range(MEMBERS)]:
            await asyncio.sleep(0.01)


async def test_redis_is_full_for_a_while(site, forgetful_server):
    server = forgetful_server
    async with Crowd.gather(site, server.url) as crowd:
        server.client().config_set("maxmemory", 1)
        try:
            with pytest.raises(NotSent, match="maxmemory"):
                await crowd.workers[0].group().send("0")
            async with crowd.workers[1].client("/other") as ada:
                await asyncio.sleep(0.2)
                server.client().config_set("maxmemory", 0)
                await crowd.workers[0].group("other").send("x")
                assert "x" in (await ada.recv(), *await rest(ada))
        finally:
            server.client().config_set("maxmemory", 0)
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)


async def test_heartbeats_that_redis_refuses_are_not_blamed_on_the_event_loop(
    site, forgetful_server, caplog
):
    administrator = forgetful_server.client()
    async with Crowd.gather(site, forgetful_server.url) as crowd:
        async with asyncio.timeout(60):
            administrator.config_set("maxmemory", 1)
            while administrator.keys("*:worker:*"):  # until the last heartbeats count no more
                await asyncio.sleep(0.05)
            administrator.config_set("maxmemory", 0)
            while not caplog.records:
                await asyncio.sleep(0.05)
        await crowd.flows()
    assert "Redis has refused the heartbeats of this worker for " in caplog.text
    assert "maxmemory" in caplog.text
    assert "blocked its event loop" not in caplog.text


async def rest(client):
    try:
        return [await asyncio.wait_for(client.recv(), 0.3)]
    except TimeoutError:
        return []


def url_of(proxy):
    return f"redis://127.0.0.1:{proxy.port}/0"


async def test_a_network_that_stalls_delays_messages_and_loses_none(site, server):
    async with StallingProxy(server.port) as proxy, Crowd.gather(site, url_of(proxy)) as crowd:
        proxy.may_pass.clear()
        await asyncio.sleep(OUTAGE_SECONDS)
        proxy.may_pass.set()
        assert await crowd.flows() < SOON_SECONDS
        crowd.check(must_be_complete=True)


async def test_a_handler_that_joins_while_redis_is_away_is_not_disturbed(site, server):
    async with Crowd.gather(site, server.url) as crowd:
        await asyncio.to_thread(server.kill)
        begin = time.monotonic()
        async with crowd.workers[0].client("/new?after=1-1") as ada:
            assert time.monotonic() - begin < 4
            assert await ada.recv() == "resync"
            with pytest.raises(GroupsError, match=re.escape("Redis was not reached within 0.4")):
                await crowd.workers[0].group("new").send("x")
            await asyncio.to_thread(server.start)
            await crowd.flows()
            await crowd.workers[1].group("new").send("y")
            while await ada.recv() != "y":
                pass


async def test_an_outage_is_logged_once_and_so_is_its_end(site, server, caplog):
    async with Crowd.gather(site, server.url) as crowd:
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(server.start)
        await crowd.flows()
    warnings = [each.message for each in caplog.records if each.name == "aiopyramid_groups"]
    assert len([line for line in warnings if line.startswith("Redis is away: ")]) == 2
    assert warnings.count("Redis has been reached again") == 2
