"""redis: several workers, over a real Redis; outages are in test_outages.py."""

import asyncio
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import pytest
from redis_server import redis_server

import aiopyramid_groups._redis.failures
from aiopyramid_core import await_, call_in_thread
from aiopyramid_groups import EngineUnavailable, InvalidMessage, NotSent, group_of
from aiopyramid_groups.publisher import Publisher


@pytest.fixture(scope="module")
def server():
    with redis_server() as server:
        yield server


@pytest.fixture
def worker(site, server):
    """Make a worker of one application, different for each test."""
    prefix = uuid.uuid4().hex

    def worker(**settings):
        names = {f"aiopyramid.groups.{name}": value for name, value in settings.items()}
        return site(
            **{"aiopyramid.groups.url": server.url, "aiopyramid.groups.prefix": prefix} | names
        )

    worker.prefix = prefix
    return worker


async def test_a_message_reaches_the_members_of_all_workers(worker):
    async with worker() as one, worker() as two, one.client() as ada, two.client() as bob:
        await ada.send("from one")
        assert await bob.recv() == "from one"
        await bob.send(b"from two")
        assert await ada.take(2) == ["from one", b"from two"]


async def test_all_workers_see_one_order(worker):
    async with worker() as one, worker() as two, one.client() as ada, two.client() as bob:
        sends = [each.group().send(f"{n}") for n in range(50) for each in (one, two)]
        ids = await asyncio.gather(*sends)
        assert len(set(ids)) == 100
        assert await ada.take(100) == await bob.take(100)


async def test_a_member_resumes_on_another_worker(worker):
    async with worker() as one, worker() as two:
        first = await one.group().send("0")
        await one.group().send("1")
        async with two.client(f"/room?after={first}") as ada:
            await one.group().send("2")
            assert await ada.take(2) == ["1", "2"]


async def test_a_resuming_member_loses_nothing_that_is_sent_meanwhile(worker):
    async with worker() as one, worker() as two:
        first = await one.group().send("begin")
        going = asyncio.create_task(send_many(one.group(), 300))
        async with AsyncExitStack() as stack:
            joins = [
                stack.enter_async_context(two.client(f"/room?after={first}")) for _ in range(10)
            ]
            clients = await asyncio.gather(*joins)
            await going
            for client in clients:
                received = await client.take(300)
                if received[0] == "resync":  # it came later than the history reaches
                    continue
                assert received == [str(number) for number in range(300)]


async def send_many(group, count):
    for number in range(count):
        await group.send(str(number))


async def test_trimmed_history_is_a_resync_and_then_what_is_left(worker):
    async with worker(history=3) as one:
        ids = [await one.group().send(str(number)) for number in range(300)]
        async with one.client(f"/room?after={ids[0]}") as ada:
            assert await ada.take(4) == ["resync", "297", "298", "299"]
        messages, is_complete = await one.group().history(ids[297])
        assert [message.data for message in messages] == ["298", "299"]
        assert is_complete


async def test_presence_counts_the_members_of_all_workers(worker, members_become):
    async with worker() as one, worker() as two:
        async with one.client("/room?who=ada"), two.client("/room?who=bob"), two.client():
            await members_become(one.group(), "ada", "bob")
            await members_become(two.group(), "ada", "bob")
        await members_become(one.group())


async def test_the_members_of_a_killed_worker_disappear(worker, server, members_become):
    async with (
        worker(heartbeat=0.4) as one,
        worker(heartbeat=0.4) as two,
        two.client("/room?who=bob"),
    ):
        await members_become(one.group(), "bob")
        two.registry["aiopyramid.groups.hub"].engine._servers._nodes[
            None
        ]._task.cancel()  # no heartbeats
        await members_become(one.group())
    assert server.client().hgetall(f"{{{worker.prefix}:room}}:present") == {}


async def test_members_of_a_stopped_worker_are_gone_at_once(worker, members_become):
    async with worker() as one:
        async with worker() as two:
            leave = two.group().join(FakeSocket(), who="bob")
            await leave.__aenter__()
            await members_become(one.group(), "bob")
        assert await one.group().members() == []
        await leave.__aexit__(None, None, None)


class FakeSocket:
    closed = False

    def post(self, message):
        return True


async def test_a_worker_has_two_connections_whatever_it_does(worker, server):
    before = server.client().info()["connected_clients"]
    async with worker() as one, AsyncExitStack() as stack:
        for number in range(30):
            await stack.enter_async_context(one.client(f"/room{number}?who={number}"))
        await asyncio.gather(*(one.group(f"room{n % 30}").send("x") for n in range(300)))
        assert server.client().info()["connected_clients"] - before == 2


async def test_heartbeats_do_not_grow_with_members(worker, server):
    async with worker(heartbeat=0.4) as one, AsyncExitStack() as stack:
        for number in range(50):
            await stack.enter_async_context(one.client(f"/room?who={number}"))
        await asyncio.sleep(0.5)
        administrator = server.client()
        first = administrator.info("commandstats")
        await asyncio.sleep(1)
        second = administrator.info("commandstats")
        added = {
            name: second[name]["calls"] - first.get(name, {"calls": 0})["calls"] for name in second
        }
        grown = {name for name, calls in added.items() if calls}
        assert grown <= {"cmdstat_set", "cmdstat_ping", "cmdstat_info"}
        assert added["cmdstat_set"] <= 4


async def test_capacity_is_not_dropped_silently_for_one_fast_sender(worker):
    async with worker() as one, worker() as two, two.client() as bob:
        await asyncio.gather(*(one.group().send(str(number)) for number in range(3000)))
        assert await bob.take(3000) == [str(number) for number in range(3000)]


# --- Synchronous code and other processes ---------------------------------------------------------


async def test_a_thread_sends_with_await_or_with_send_now(worker):
    async with worker() as one, one.client() as ada:

        def save():
            await_(group_of(one.registry, "room").send("saved"))
            group_of(one.registry, "room").send_now("and more")

        await call_in_thread(None, save)
        assert await ada.take(2) == ["saved", "and more"]


async def test_a_publisher_needs_no_loop_and_may_be_shared_by_threads(worker, server):
    async with worker() as one, one.client() as ada:
        with Publisher(server.url, prefix=worker.prefix) as publisher:
            first = await asyncio.to_thread(publisher.send, "room", "x")
            await asyncio.to_thread(publisher.send_json, "room", [1])
            publisher.send("room", b"\x00")  # even where a loop runs
            assert await ada.take(3) == ["x", "[1]", b"\x00"]

            def send(number):
                return publisher.send("room", str(number))

            with ThreadPoolExecutor(8) as pool:
                ids = await asyncio.gather(
                    *(asyncio.wrap_future(pool.submit(send, number)) for number in range(100))
                )
            assert len({first, *ids}) == 101
            assert sorted(await ada.take(100), key=int) == [str(n) for n in range(100)]


async def test_a_publisher_works_after_a_fork_as_in_celery(worker, server):
    async with worker() as one, one.client() as ada:
        with Publisher(server.url, prefix=worker.prefix) as publisher:
            publisher.send("room", "parent")
            child = os.fork()
            if child == 0:
                try:
                    publisher.send("room", "child")
                finally:
                    os._exit(0)
            await asyncio.to_thread(os.waitpid, child, 0)
            publisher.send("room", "parent again")
        assert await ada.take(3) == ["parent", "child", "parent again"]


async def test_a_publisher_works_in_one_event_loop_after_the_other(worker, server):
    async with worker() as one, one.client() as ada:
        with Publisher(server.url, prefix=worker.prefix) as publisher:

            async def send(number):
                publisher.send("room", str(number))

            for number in range(3):
                await asyncio.to_thread(asyncio.run, send(number))
        assert await ada.take(3) == ["0", "1", "2"]


def test_a_publisher_without_redis_says_so():
    with Publisher("redis://127.0.0.1:1/0") as publisher:
        with pytest.raises(NotSent, match="'room' was not sent: Redis cannot be reached"):
            publisher.send("room", "x")
        with pytest.raises(InvalidMessage):
            publisher.send("room", None)


# --- Names ----------------------------------------------------------------------------------------

HOSTILE = ["a}b", "{a}", "a:b", "a*", "..", "a b\r\nDEL x", "grüß", "%7D", "x}@0", "\x00", "?[a-z]"]


async def test_names_cannot_reach_other_keys(worker, server):
    administrator = server.client()
    before = set(administrator.keys())
    async with worker() as one, AsyncExitStack() as stack:
        for name in HOSTILE:
            member = one.group(name).join(FakeSocket(), who=name)
            await stack.enter_async_context(member)
            await one.group(name).send(name)
            messages, _ = await one.group(name).history()
            assert [message.data for message in messages] == [name]
            assert await one.group(name).members() == [name]
        keys = set(administrator.keys()) - before
    own = worker.prefix.encode()
    assert len([key for key in keys if key.endswith(b":stream")]) == len(HOSTILE)
    for key in keys:
        assert key.startswith((b"{" + own + b":", own + b":worker:"))
        assert key.count(b"{") == key.count(b"}") <= 1


async def test_applications_and_databases_are_apart(worker, server, until):
    other = server.url.removesuffix("/0") + "/1"
    async with (
        worker() as one,
        worker(prefix=f"{worker.prefix}x") as stranger,
        worker(url=other) as elsewhere,
        one.client() as ada,
    ):
        await stranger.group().send("no")
        await elsewhere.group().send("no")
        await one.group().send("yes")
        assert await ada.recv() == "yes"


# --- What Redis refuses ---------------------------------------------------------------------------


async def test_a_script_that_redis_has_forgotten_is_sent_again(worker, server):
    async with worker() as one, one.client() as ada:
        await one.group().send("a")
        server.client().script_flush()
        await one.group().send("b")
        assert await ada.take(2) == ["a", "b"]


async def test_a_refused_message_is_not_sent(worker, server):
    async with worker() as one, one.client() as ada:
        server.client().set(f"{{{worker.prefix}:other}}:stream", "not a stream")
        with pytest.raises(NotSent, match=r"Redis refused it: .*WRONGTYPE"):
            await one.group("other").send("x")
        await one.group().send("y")
        assert await ada.recv() == "y"


async def test_a_worker_without_members_stays_connected(worker, caplog, monkeypatch):
    monkeypatch.setattr(aiopyramid_groups._redis.failures, "ANSWER_SECONDS", 0.5)
    async with worker(heartbeat=0.3) as one:
        await asyncio.sleep(0.8)  # longer than an answer may take
        await one.group().send("x")
    assert not caplog.records


async def test_a_worker_that_was_blocked_does_not_blame_redis(worker, caplog):
    async with worker(heartbeat=0.1) as one, one.client("/room?who=ada"):
        await asyncio.sleep(0.15)
        caplog.clear()
        time.sleep(0.5)
        while not caplog.records:
            await asyncio.sleep(0.01)
        assert await one.group().members() == ["ada"]
    assert re.search(r"sent no heartbeat to Redis for \d+\.\d s", caplog.text)
    assert "lost its data" not in caplog.text


async def test_answers_that_a_blocked_loop_has_not_read_are_in_time(loop_factory, monkeypatch):
    monkeypatch.setattr(aiopyramid_groups._redis.failures, "ANSWER_SECONDS", 0.1)
    loop = asyncio.get_running_loop()
    answer = loop.create_future()

    def read(turns):
        if turns:
            loop.call_soon(read, turns - 1)
        else:
            answer.set_result(None)

    def block():
        time.sleep(0.3)
        read(turns=5)

    loop.call_soon(block)
    await aiopyramid_groups._redis.failures.answers_in_time(answer)
    with pytest.raises(EngineUnavailable, match="does not answer heartbeats"):
        await aiopyramid_groups._redis.failures.answers_in_time(loop.create_future())
